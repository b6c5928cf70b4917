import { setTimeout as sleep } from 'node:timers/promises';
import type { StandInOperator } from './stand-in-operator.ts';

/** Pauses an operator for as long as at least one holder wants it. */
export class SharedPause {
  readonly #operator: Pick<StandInOperator, 'pause' | 'resume' | 'reconcile'>;
  readonly #signal: AbortSignal;
  #holders = 0;

  /** `signal`: when nothing is to be done any more. */
  constructor(operator: Pick<StandInOperator, 'pause' | 'resume' | 'reconcile'>, signal: AbortSignal) {
    this.#operator = operator;
    this.#signal = signal;
  }

  /** Resolves when the operator does nothing any more. What it resolves to ends the pause, and may be called again. */
  async begin(): Promise<() => void> {
    this.#holders += 1;
    let isHeld = true;
    await this.#operator.pause();
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holders -= 1;
      if (this.#holders > 0) return;
      this.#operator.resume();
      void this.#move().catch(() => undefined);
    };
  }

  /**
   * Moves pods at once, and waits until the name is back. A drainer that has just requested an eviction then finds the name
   * again when it retries; a missing name would end its drain before there is a successor.
   */
  async #move(): Promise<void> {
    if (this.#signal.aborted) return;
    const lookAgainInMs = await this.#operator.reconcile();
    await sleep(lookAgainInMs, undefined, { signal: this.#signal });
    if (this.#holders === 0) await this.#operator.reconcile();
  }
}
