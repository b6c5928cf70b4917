import { setTimeout as sleep } from 'node:timers/promises';

/** The time that a drainer lives by. */
export interface DrainerClock {
  /** In ms; never goes back. */
  now(): number;
  /** Rejects once the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const REAL_CLOCK: DrainerClock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

/** However fast a clock is, the machine needs some time between two looks. */
const LEAST_SLEEP_MS = 10;

/** A clock on which so many seconds pass in one, so that hours of patience take seconds. */
export function fastClock(times: number): DrainerClock {
  return {
    now: () => performance.now() * times,
    sleep: (ms, signal) => sleep(ms === 0 ? 0 : Math.max(LEAST_SLEEP_MS, ms / times), undefined, { signal }),
  };
}

/** What runs has taken too long. */
export class TooLate extends Error {
  override readonly name = 'TooLate';
}

/** Runs something with a signal that also aborts after so long. Rejects with TooLate then, whatever it rejects with. */
export async function within<T>(
  ms: number,
  clock: DrainerClock,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const over = new AbortController();
  const timer = clock.sleep(ms, AbortSignal.any([signal, over.signal]));
  timer.then(
    () => late.abort(new TooLate(`not within ${ms / 1000} s`)),
    () => undefined,
  );
  try {
    return await run(AbortSignal.any([signal, late.signal]));
  } catch (error) {
    signal.throwIfAborted();
    late.signal.throwIfAborted();
    throw error;
  } finally {
    over.abort(new Error('it is over'));
  }
}
