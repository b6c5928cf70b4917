import type { Clock } from '../async/clock.ts';

/** A median of so many: single responses with another time, as of a cache or a proxy, change nothing. */
const SAMPLES = 9;
/** `Date` has whole seconds, and says when the response was begun: a slow call would say little. */
const CALL_MAX_MS = 2_000;
/** Smaller differences are what the measurement cannot tell from none. */
const TOLERANCE_MS = 2_000;

/** What a finished call tells of the time: `servedAt` is when the API server wrote the response, by its own clock. */
interface TimedCall {
  readonly code: number;
  readonly durationMs: number;
  readonly servedAt?: number | undefined;
}

/**
 * The time of the API server, by the `Date` of its responses. Marks, Events and certificates have or get times of that clock,
 * and the clock of this machine may be hours away from it. Between responses the monotonic clock counts on, so that a jump of
 * the wall clock changes nothing. Until the first response the wall clock counts.
 */
export class ServerTime {
  readonly #clock: Pick<Clock, 'now' | 'monotonicNow'>;
  /** Each says what time it was, in epoch milliseconds, at zero of the monotonic clock. The newest is the last. */
  readonly #samples: number[] = [];
  #zeroAt: number | undefined;
  /** The same by the clock of this machine, at the newest sample. */
  #own: number | undefined;

  constructor(clock: Pick<Clock, 'now' | 'monotonicNow'>) {
    this.#clock = clock;
  }

  /** To be called for every finished call. */
  onCall({ code, servedAt, durationMs }: TimedCall): void {
    // Something in between may have refused a call in place of the API server.
    if (servedAt === undefined || code < 200 || code >= 300) return;
    if (durationMs > CALL_MAX_MS) {
      this.#onSlowCall(servedAt, durationMs);
      return;
    }
    // A machine that slept has a monotonic clock that stood still, so what it measured before is wrong.
    const own = this.#clock.now() - this.#clock.monotonicNow();
    if (Math.abs(own - (this.#own ?? own)) > TOLERANCE_MS) this.#samples.length = 0;
    this.#own = own;
    // It was written during the call, and up to a second after what it says.
    this.#samples.push(servedAt + 500 - (this.#clock.monotonicNow() - durationMs / 2));
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    const measured = this.#median();
    if (Math.abs(measured - (this.#zeroAt ?? Number.POSITIVE_INFINITY)) > TOLERANCE_MS) this.#zeroAt = measured;
  }

  /**
   * Where all calls are slow, it counts for a clock that is off by more than the call can explain. A hook that begins with such
   * a clock would take the authority that it reads for one that has ended.
   */
  #onSlowCall(servedAt: number, durationMs: number): void {
    if (this.#samples.length > 0) return;
    const apart = servedAt + durationMs / 2 - this.now();
    if (Math.abs(apart) > durationMs / 2 + TOLERANCE_MS) this.#zeroAt = this.now() + apart - this.#clock.monotonicNow();
  }

  /** Epoch milliseconds. */
  now(): number {
    return this.#zeroAt === undefined ? this.#clock.now() : this.#zeroAt + this.#clock.monotonicNow();
  }

  /** How far the clock of this machine is ahead, in milliseconds; negative if it is behind, NaN until it was measured. */
  aheadMs(): number {
    return this.#clock.now() - this.#clock.monotonicNow() - this.#median();
  }

  /** Of two in the middle, the one that is closer to the clock of this machine. NaN if there are none. */
  #median(): number {
    const sorted = this.#samples.toSorted((a, b) => a - b);
    const own = this.#clock.now() - this.#clock.monotonicNow();
    const [low = Number.NaN, high = low] = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
    return Math.abs(low - own) <= Math.abs(high - own) ? low : high;
  }
}

/** The same clock, but what is `now` is the API server's time. */
export function clockOf(time: Pick<ServerTime, 'now'>, clock: Clock): Clock {
  return {
    now: () => time.now(),
    monotonicNow: () => clock.monotonicNow(),
    setTimer: (callback, ms) => clock.setTimer(callback, ms),
    giveWay: () => clock.giveWay(),
  };
}

/** When a response was written, epoch milliseconds; undefined if it does not say so, or comes from a cache. */
export function servedAtOf({ date, age }: Readonly<Record<string, string | string[] | undefined>>): number | undefined {
  const at = typeof date === 'string' && age === undefined ? Date.parse(date) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}
