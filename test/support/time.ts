import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, Timer } from '../../src/async/clock.ts';
import { systemClock } from '../../src/async/system-clock.ts';

/** Runs everything that can run without time passing. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await turn();
}

/** Longer than any step of a test takes, even on a busy machine. */
export const NEVER_MS = 60_000;

/** Waits for a condition and not for a time. Runs everything that can run, even if timers are mocked. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + NEVER_MS;
  while (!condition() && performance.now() < giveUpAt) await turn();
  assert.ok(condition(), `never came: ${what}`);
}

/** A clock that stands still and never fires a timer. */
export function aStillClock(now = 0): Clock {
  return {
    now: () => now,
    monotonicNow: () => 0,
    setTimer: () => ({ cancel: () => undefined }),
    giveWay: async () => undefined,
  };
}

/** A clock that moves only by `advance`. */
export class FakeClock implements Clock {
  /** The wall-clock time at zero of the monotonic clock. */
  epoch = 0;
  /** How often somebody gave way. */
  turns = 0;
  #now = 1_000;
  readonly #timers = new Set<{ readonly dueAt: number; readonly callback: () => void }>();

  readonly monotonicNow = () => this.#now;
  readonly now = () => this.epoch + this.#now;

  async giveWay(): Promise<void> {
    this.turns++;
  }

  get timers(): number {
    return this.#timers.size;
  }

  setTimer(callback: () => void, ms: number): Timer {
    const timer = { dueAt: this.#now + ms, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Advances the clock, fires due timers in order, and runs what they start. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (let next = this.#nextDue(end); next !== undefined; next = this.#nextDue(end)) {
      this.#timers.delete(next);
      this.#now = next.dueAt;
      next.callback();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #nextDue(end: number) {
    const due = [...this.#timers].filter(({ dueAt }) => dueAt <= end);
    return due.sort((a, b) => a.dueAt - b.dueAt)[0];
  }
}

/** Mocks the global timers of this test, for code that reaches only them. Returns a clock that moves with them. */
export function mockTime(t: TestContext): Clock & { advance(ms: number): Promise<void> } {
  let now = 1_000;
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  // Modules import node:timers/promises by name. This makes those names follow the mock, and later restores them.
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.timers.reset();
    syncBuiltinESMExports();
  });
  return {
    ...systemClock,
    now: () => now,
    monotonicNow: () => now,
    async advance(ms) {
      now += ms;
      t.mock.timers.tick(ms);
      await settle();
    },
  };
}
