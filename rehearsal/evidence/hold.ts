import { setTimeout as sleep } from 'node:timers/promises';
import type { StandInOperator } from '../operator/stand-in-operator.ts';

/** Keeps an operator from acting for as long as anybody wants it to. */
export class Hold {
  readonly #operator: Pick<StandInOperator, 'pause' | 'resume' | 'reconcile'>;
  readonly #signal: AbortSignal;
  #holders = 0;

  /** `signal`: when nothing is to be done any more. */
  constructor(operator: Pick<StandInOperator, 'pause' | 'resume' | 'reconcile'>, signal: AbortSignal) {
    this.#operator = operator;
    this.#signal = signal;
  }

  /** Resolves when the operator does nothing any more. What it resolves to lets go, and may be called again. */
  async take(): Promise<() => void> {
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
   * At once, and until the name is back: a drainer that has just asked then does not ask again while no pod has that name,
   * which would end its drain before there is a successor.
   */
  async #move(): Promise<void> {
    if (this.#signal.aborted) return;
    const lookAgainInMs = await this.#operator.reconcile();
    await sleep(lookAgainInMs, undefined, { signal: this.#signal });
    if (this.#holders === 0) await this.#operator.reconcile();
  }
}
