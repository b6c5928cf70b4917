import type { Clock, Timer } from '../async/clock.ts';

/**
 * A work queue of keys, as in client-go. A key is queued at most once, and is never handed out twice at the same time.
 * A key that is added while a worker has it comes again afterwards. Two keys with one id are the same key.
 * Invariants: a key is in `#queue` only if it is in `#dirty`; a key in `#processing` is never in `#queue`.
 */
export class WorkQueue<Key> {
  readonly #clock: Pick<Clock, 'monotonicNow' | 'setTimer'>;
  readonly #idOf: (key: Key) => string;
  readonly #onAdd: () => void;
  readonly #queue = new Fifo<Key>();
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #later = new Map<string, { readonly dueAt: number; readonly timer: Timer }>();
  readonly #waiting = new Fifo<(key: Key | undefined) => void>();
  #isClosed = false;

  /** `onAdd` is called for every key that enters the queue. */
  constructor(
    clock: Pick<Clock, 'monotonicNow' | 'setTimer'>,
    idOf: (key: Key) => string,
    onAdd: () => void = () => undefined,
  ) {
    this.#clock = clock;
    this.#idOf = idOf;
    this.#onAdd = onAdd;
  }

  get length(): number {
    return this.#queue.length;
  }

  add(key: Key): void {
    const id = this.#idOf(key);
    if (this.#isClosed || this.#dirty.has(id)) return;
    this.#dirty.add(id);
    this.#onAdd();
    if (!this.#processing.has(id)) this.#enqueue(key);
  }

  /** Adds the key after `ms`. If two such requests are pending, the earlier one counts. */
  addAfter(key: Key, ms: number): void {
    if (this.#isClosed) return;
    const id = this.#idOf(key);
    const dueAt = this.#clock.monotonicNow() + ms;
    const pending = this.#later.get(id);
    if (pending !== undefined && pending.dueAt <= dueAt) return;
    pending?.timer.cancel();
    const timer = this.#clock.setTimer(() => {
      this.#later.delete(id);
      this.add(key);
    }, ms);
    this.#later.set(id, { dueAt, timer });
  }

  /** Drops what `addAfter` has pending for the key, because a timer for each key that once was would take memory. */
  cancelLater(key: Key): void {
    const id = this.#idOf(key);
    this.#later.get(id)?.timer.cancel();
    this.#later.delete(id);
  }

  /**
   * Waits for the next key and returns it; undefined once the queue is closed. The caller must give every key back with
   * `done`.
   */
  async take(): Promise<Key | undefined> {
    if (this.#isClosed) return undefined;
    const { promise, resolve } = Promise.withResolvers<Key | undefined>();
    this.#waiting.push(resolve);
    this.#handOut();
    return promise;
  }

  done(key: Key): void {
    const id = this.#idOf(key);
    this.#processing.delete(id);
    if (this.#dirty.has(id) && !this.#isClosed) this.#enqueue(key);
  }

  /** Ends every wait and drops the queued keys, because the next process reconciles everything anyway. */
  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#later.values()) timer.cancel();
    this.#later.clear();
    while (this.#waiting.length > 0) this.#waiting.shift()(undefined);
  }

  #enqueue(key: Key): void {
    this.#queue.push(key);
    this.#handOut();
  }

  #handOut(): void {
    while (this.#queue.length > 0 && this.#waiting.length > 0) {
      const key = this.#queue.shift();
      const id = this.#idOf(key);
      this.#dirty.delete(id);
      this.#processing.add(id);
      this.#waiting.shift()(key);
    }
  }
}

interface Link<T> {
  readonly value: T;
  next?: Link<T>;
}

/**
 * A first-in, first-out queue whose cost does not grow with its length. `Array.shift` on 100,000 items blocks the event
 * loop.
 */
export class Fifo<T> {
  #first: Link<T> | undefined;
  #last: Link<T> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: T): void {
    const link: Link<T> = { value };
    if (this.#last === undefined) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.#length++;
  }

  /** Throws if the queue is empty. */
  shift(): T {
    if (this.#first === undefined) throw new Error('there is nothing in the queue');
    const { value, next } = this.#first;
    this.#first = next;
    if (next === undefined) this.#last = undefined;
    this.#length--;
    return value;
  }
}
