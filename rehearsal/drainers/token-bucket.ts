import type { DrainerClock } from './clock.ts';

export interface Rate {
  readonly perSecond: number;
  /** How many may go at once after a rest. */
  readonly burst: number;
}

/** Keeps requests to a rate as client-go does; who comes later waits longer. */
export class TokenBucket {
  readonly #rate: Rate;
  readonly #clock: DrainerClock;
  /** Below 0: so many are promised that have not come yet. */
  #tokens: number;
  #countedAt: number;

  constructor(rate: Rate, clock: DrainerClock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#tokens = rate.burst;
    this.#countedAt = clock.now();
  }

  /** Resolves when the next request may go. */
  async take(signal: AbortSignal): Promise<void> {
    const { perSecond, burst } = this.#rate;
    const now = this.#clock.now();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#countedAt) / 1000) * perSecond) - 1;
    this.#countedAt = now;
    if (this.#tokens < 0) await this.#clock.sleep((-this.#tokens / perSecond) * 1000, signal);
  }
}
