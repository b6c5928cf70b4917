/** What the queue needs of time. */
export interface QueueClock {
  monotonicNow(): number;
  setTimer(callback: () => void, ms: number): { cancel(): void };
}

/**
 * A work queue of keys, as client-go's: a key is queued at most once, is never handed out twice at the same time, and one
 * that is added while it is being worked on comes again afterwards.
 * Invariants: a key is in `#queue` only if it is in `#dirty`; a key in `#processing` is never in `#queue`.
 */
export class WorkQueue {
  readonly #clock: QueueClock;
  readonly #onAdd: () => void;
  readonly #queue: string[] = [];
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #later = new Map<string, { readonly dueAt: number; readonly timer: { cancel(): void } }>();
  readonly #waiting: ((key: string | undefined) => void)[] = [];
  #isClosed = false;

  constructor(clock: QueueClock, onAdd: () => void = () => undefined) {
    this.#clock = clock;
    this.#onAdd = onAdd;
  }

  get length(): number {
    return this.#queue.length;
  }

  add(key: string): void {
    if (this.#isClosed || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    this.#onAdd();
    if (this.#processing.has(key)) return;
    this.#queue.push(key);
    this.#handOut();
  }

  /** Adds the key in `ms`. Of two such requests the earlier one counts. */
  addAfter(key: string, ms: number): void {
    if (this.#isClosed) return;
    const dueAt = this.#clock.monotonicNow() + ms;
    const pending = this.#later.get(key);
    if (pending !== undefined && pending.dueAt <= dueAt) return;
    pending?.timer.cancel();
    const timer = this.#clock.setTimer(() => {
      this.#later.delete(key);
      this.add(key);
    }, ms);
    this.#later.set(key, { dueAt, timer });
  }

  /** The next key; waits for one. undefined once the queue is closed. Every key taken must be given back by `done`. */
  async take(): Promise<string | undefined> {
    if (this.#isClosed) return undefined;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#waiting.push(resolve);
    this.#handOut();
    return promise;
  }

  done(key: string): void {
    this.#processing.delete(key);
    if (!this.#dirty.has(key) || this.#isClosed) return;
    this.#queue.push(key);
    this.#handOut();
  }

  /** Ends every wait; keys that are queued are dropped, for the next process reconciles everything anyway. */
  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#later.values()) timer.cancel();
    this.#later.clear();
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  #handOut(): void {
    while (this.#queue.length > 0) {
      const resolve = this.#waiting.shift();
      if (resolve === undefined) return;
      const key = this.#queue.shift() as string;
      this.#dirty.delete(key);
      this.#processing.add(key);
      resolve(key);
    }
  }
}
