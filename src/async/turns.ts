import type { Clock } from './clock.ts';

/** Counts pieces of work, and gives way to other work after each slice of them. */
export class Turns {
  readonly #clock: Pick<Clock, 'giveWay'>;
  readonly #slice: number;
  #left: number;
  #waiting: Promise<void> | undefined;

  /** `slice`: how many pieces may be done in a row. All of them together should take a few milliseconds. */
  constructor(clock: Pick<Clock, 'giveWay'>, slice: number) {
    this.#clock = clock;
    this.#slice = slice;
    this.#left = slice;
  }

  /** To be asked before each piece: what to wait for first; undefined if it may begin at once. */
  next(): Promise<void> | undefined {
    if (this.#waiting !== undefined) return this.#waiting;
    if (this.#left-- > 0) return undefined;
    this.#waiting = this.#clock.giveWay().then(() => {
      this.#left = this.#slice;
      this.#waiting = undefined;
    });
    return this.#waiting;
  }
}
