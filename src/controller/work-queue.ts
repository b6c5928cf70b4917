import type { Clock, Timer } from '../async/clock.ts';

/** How a queue does without single keys when there are too many. */
export interface Bound<Key> {
  /** The most keys that wait. */
  readonly max: number;
  /** Every key that there may be something to do for. It is read piece by piece, while objects come and go. */
  keys(): Iterable<Key>;
  /** Called with the number of keys that the queue has just dropped. */
  onLeftOut?(count: number): void;
}

export interface WorkQueueOptions<Key> {
  /** Called for every key that enters the queue. */
  readonly onAdd?: () => void;
  /** Absent: the caller knows that there are few keys. */
  readonly bound?: Bound<Key>;
}

/**
 * A work queue of keys, as in client-go. A key is queued at most once, and is never handed out twice at the same time.
 * A key that is added while a worker has it comes again afterwards. Two keys with one id are the same key.
 * Anybody may create and delete objects, faster than calls end that hang. So a full queue drops its keys and timers, and
 * hands out every key that there is instead. A key that is dropped meanwhile comes in another such sweep after it.
 * Invariants: a key is in `#queue` only if it is in `#dirty`; a key in `#processing` is never in `#queue`.
 */
export class WorkQueue<Key> {
  readonly #clock: Pick<Clock, 'monotonicNow' | 'setTimer'>;
  readonly #idOf: (key: Key) => string;
  readonly #onAdd: (() => void) | undefined;
  readonly #bound: Bound<Key> | undefined;
  /** What the present sweep has not handed out yet. */
  #unswept: Iterator<Key> | undefined;
  #isSweepDue = false;
  readonly #queue = new Fifo<Key>();
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #later = new Map<string, { readonly dueAt: number; readonly timer: Timer }>();
  readonly #waiting = new Fifo<(key: Key | undefined) => void>();
  #isClosed = false;

  constructor(
    clock: Pick<Clock, 'monotonicNow' | 'setTimer'>,
    idOf: (key: Key) => string,
    { onAdd, bound }: WorkQueueOptions<Key> = {},
  ) {
    this.#clock = clock;
    this.#idOf = idOf;
    this.#onAdd = onAdd;
    this.#bound = bound;
  }

  get length(): number {
    return this.#queue.length;
  }

  add(key: Key): void {
    const id = this.#idOf(key);
    if (this.#isClosed || this.#dirty.has(id)) return;
    this.#dirty.add(id);
    this.#onAdd?.();
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
    this.#isSweepDue = false;
    this.#unswept = undefined;
    this.#cancelAll();
    while (this.#waiting.length > 0) this.#waiting.shift()(undefined);
  }

  #cancelAll(): void {
    for (const { timer } of this.#later.values()) timer.cancel();
    this.#later.clear();
  }

  #enqueue(key: Key): void {
    if (this.#bound !== undefined && this.#queue.length >= this.#bound.max) this.#sweepInstead(this.#bound);
    this.#queue.push(key);
    this.#handOut();
  }

  #sweepInstead(bound: Bound<Key>): void {
    bound.onLeftOut?.(this.#queue.length);
    while (this.#queue.length > 0) this.#dirty.delete(this.#idOf(this.#queue.shift()));
    this.#cancelAll();
    // A sweep that runs goes on to its end first: otherwise none might ever reach the last keys.
    this.#isSweepDue = true;
  }

  #handOut(): void {
    while (this.#waiting.length > 0) {
      const key = this.#nextSwept() ?? (this.#queue.length > 0 ? this.#queue.shift() : undefined);
      if (key === undefined) return;
      const id = this.#idOf(key);
      this.#dirty.delete(id);
      this.#processing.add(id);
      this.#waiting.shift()(key);
    }
  }

  /** The next key of a sweep that neither waits anyway nor is in hand; undefined if no sweep is due. */
  #nextSwept(): Key | undefined {
    while (this.#unswept !== undefined || this.#isSweepDue) {
      this.#unswept ??= this.#beginSweep();
      for (let next = this.#unswept.next(); !next.done; next = this.#unswept.next()) {
        const id = this.#idOf(next.value);
        if (!this.#dirty.has(id) && !this.#processing.has(id)) return next.value;
      }
      this.#unswept = undefined;
    }
    return undefined;
  }

  #beginSweep(): Iterator<Key> {
    this.#isSweepDue = false;
    return (this.#bound?.keys() ?? [])[Symbol.iterator]();
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
