import { unlessAborted } from './abort.ts';

/** How much may run at a time, and how much may wait. */
export interface Bounds {
  readonly running: number;
  readonly waiting: number;
  /** If running things can hang: a key leaves as many places free as it has. Of those that wait, every key does so. */
  readonly leavesPlaces?: boolean;
}

/** So much waits already that one more would only make all of it late. */
export class BulkheadFullError extends Error {
  override readonly name = 'BulkheadFullError';
}

interface Waiter {
  readonly start: () => void;
}

/**
 * Limits how much of one kind runs at a time, so that it cannot use up what others need. The keys take turns: a key with
 * much to do delays itself, and not the others. Within a key the order is that of arrival.
 *
 * A key that leaves as many places free as it has gets half of them if it is alone, the next one half of the rest, and so
 * on. So a few keys cannot take all.
 */
export class Bulkhead {
  readonly #bounds: Bounds;
  readonly #runningOf = new Map<string, number>();
  /** By key, in the order of their turns. No list is empty. */
  readonly #waitingOf = new Map<string, Waiter[]>();
  #running = 0;
  #waiting = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** What ends the turn; undefined if one would have to wait. */
  enterNow(key: string): (() => void) | undefined {
    return this.#hasRoom(key) ? this.#begin(key) : undefined;
  }

  /**
   * Resolves when it is this one's turn, to what ends the turn. Rejects with the signal's reason if that aborts first,
   * and with a BulkheadFullError if too much waits already.
   */
  async enter(key: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#hasRoom(key)) return this.#begin(key);
    const others = this.#waitingOf.get(key) ?? [];
    if (others.length >= this.#bounds.waiting - this.#waiting) {
      throw new BulkheadFullError('too much waits already');
    }
    const { promise, resolve } = Promise.withResolvers<() => void>();
    const waiter = { start: () => resolve(this.#begin(key)) };
    this.#waitingOf.set(key, others);
    others.push(waiter);
    this.#waiting++;
    try {
      return await unlessAborted(promise, signal);
    } catch (error) {
      // If the turn came at the same moment, nobody else would end it.
      if (!this.#giveUp(key, waiter)) void promise.then((leave) => leave());
      throw error;
    }
  }

  #hasRoom(key: string): boolean {
    const free = this.#bounds.running - this.#running;
    return free > 0 && (this.#bounds.leavesPlaces !== true || (this.#runningOf.get(key) ?? 0) < free);
  }

  #begin(key: string): () => void {
    this.#running++;
    this.#runningOf.set(key, (this.#runningOf.get(key) ?? 0) + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#running--;
      const left = (this.#runningOf.get(key) ?? 0) - 1;
      if (left > 0) this.#runningOf.set(key, left);
      else this.#runningOf.delete(key);
      this.#next();
    };
  }

  /** Starts whoever may start now. A key that had its turn goes behind the others. */
  #next(): void {
    for (const [key, waiters] of this.#waitingOf) {
      if (this.#running >= this.#bounds.running) return;
      if (!this.#hasRoom(key)) continue;
      const first = waiters.shift();
      this.#waitingOf.delete(key);
      if (waiters.length > 0) this.#waitingOf.set(key, waiters);
      this.#waiting--;
      first?.start();
    }
  }

  /** Whether it still waited. */
  #giveUp(key: string, waiter: Waiter): boolean {
    const waiters = this.#waitingOf.get(key) ?? [];
    const index = waiters.indexOf(waiter);
    if (index < 0) return false;
    waiters.splice(index, 1);
    if (waiters.length === 0) this.#waitingOf.delete(key);
    this.#waiting--;
    return true;
  }
}
