import type { Clock, Timer } from './clock.ts';

/**
 * Goes through everything, however often it is asked to: one round at a time, and after it at most one more for all that asked
 * meanwhile. So what anybody can ask for costs no more than round after round, with a rest between them.
 */
export class Rounds {
  readonly #clock: Pick<Clock, 'monotonicNow' | 'setTimer'>;
  readonly #restMs: number;
  readonly #round: () => Promise<void>;
  #isRunning = false;
  #isDue = false;
  #restsUntil = Number.NEGATIVE_INFINITY;
  #later: Timer | undefined;

  /** `round` must not reject. `restMs`: from the end of a round to the next one. */
  constructor(clock: Pick<Clock, 'monotonicNow' | 'setTimer'>, restMs: number, round: () => Promise<void>) {
    this.#clock = clock;
    this.#restMs = restMs;
    this.#round = round;
  }

  /** A round begins after this: at once, or when the present one and its rest are over. */
  ask(): void {
    this.#isDue = true;
    if (this.#isRunning || this.#later !== undefined) return;
    const restMs = this.#restsUntil - this.#clock.monotonicNow();
    if (restMs <= 0) void this.#run();
    else this.#later = this.#clock.setTimer(() => void this.#run(), restMs);
  }

  /** Forgets what waits for the end of a rest. */
  stop(): void {
    this.#later?.cancel();
    this.#later = undefined;
    this.#isDue = false;
  }

  async #run(): Promise<void> {
    this.#later = undefined;
    this.#isDue = false;
    this.#isRunning = true;
    await this.#round();
    this.#isRunning = false;
    this.#restsUntil = this.#clock.monotonicNow() + this.#restMs;
    if (this.#isDue) this.ask();
  }
}
