import type { Clock } from '../async/clock.ts';

/** How long to wait before the next try: the delay doubles, has jitter, and starts over after a healthy period. */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Failures this far apart do not count as one series. */
  readonly resetAfterMs: number;
}

/** As in client-go's reflector: 0.8 s to 30 s. After two healthy minutes the delay starts over. */
export const REFLECTOR_BACKOFF: BackoffOptions = { firstMs: 800, maxMs: 30_000, resetAfterMs: 120_000 };

export class Backoff {
  readonly #options: BackoffOptions;
  readonly #clock: Pick<Clock, 'monotonicNow'>;
  readonly #random: () => number;
  #nextMs: number;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(options: BackoffOptions, clock: Pick<Clock, 'monotonicNow'>, random: () => number) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#nextMs = options.firstMs;
  }

  /** Milliseconds until the next try: a random delay between one and two steps, never more than the maximum. */
  next(): number {
    const now = this.#clock.monotonicNow();
    if (now - this.#lastAt > this.#options.resetAfterMs) this.#nextMs = this.#options.firstMs;
    const step = this.#nextMs;
    this.#nextMs = Math.min(step * 2, this.#options.maxMs);
    const delayMs = Math.min(step * (1 + this.#random()), this.#options.maxMs);
    this.#lastAt = now + delayMs;
    return delayMs;
  }
}
