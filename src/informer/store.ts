import type { Listing, Sink } from './reflector.ts';
import { sharing } from './structural-sharing.ts';

/** What every cached object has. Keys are `namespace/name`, or `name` for cluster-scoped objects. */
export interface Cached {
  readonly resourceVersion: string;
}

export type Change<T> =
  | { readonly kind: 'added'; readonly key: string; readonly now: T }
  | { readonly kind: 'updated'; readonly key: string; readonly before: T; readonly now: T }
  | { readonly kind: 'removed'; readonly key: string; readonly before: T };

/** Read access to a store; what is handed out must not be modified. */
export interface Lister<T> {
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  readonly size: number;
  /** False until the first list is in: until then absence means nothing. */
  readonly hasSynced: boolean;
}

export interface StoreOptions<T> {
  keyOf(object: T): string;
  /** Whether two versions are the same to the policy; if so, subscribers are not told of the newer one. */
  isSame(a: T, b: T): boolean;
  /** Whether two objects under one key are different instances (another UID). */
  isOtherInstance(a: T, b: T): boolean;
  /** Whether the watch would tell of the object. What it does not tell of would never be told to be gone. Absent: of all. */
  isWatched?(object: T): boolean;
  onHandlerError(error: unknown): void;
  /** Called once, after the first list is in. */
  onSynced?(): void;
}

/**
 * The objects of one kind as the API server last told them. Invariant: between two lists a key never goes back to an
 * older resourceVersion, so an object learnt from the answer to a write is not undone by the watch events before it.
 */
export class Store<T extends Cached> implements Lister<T>, Sink<T> {
  readonly #objects = new Map<string, T>();
  readonly #handlers = new Set<(change: Change<T>) => void>();
  readonly #options: StoreOptions<T>;
  #hasSynced = false;

  constructor(options: StoreOptions<T>) {
    this.#options = options;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** Handlers are told of every change after it was made; one that throws harms neither the store nor the others. */
  subscribe(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /**
   * The whole state, from a list whose pages come one by one: each object counts from its page on, and what is in none of
   * them is gone at the end. So the event loop is never held for all of them, nor are all of them held twice. A list is
   * believed even where its resourceVersions are older than what is here, because that is what a restored etcd looks like.
   */
  beginList(): Listing<T> {
    const listed = new Set<string>();
    return {
      page: (objects) => {
        for (const object of objects) {
          listed.add(this.#options.keyOf(object));
          this.#accept(object);
        }
      },
      complete: () => {
        for (const key of [...this.#objects.keys()]) {
          if (!listed.has(key)) this.#drop(key);
        }
        if (this.#hasSynced) return;
        this.#hasSynced = true;
        this.#options.onSynced?.();
      },
    };
  }

  /** A list of one page. */
  replace(objects: readonly T[]): void {
    const list = this.beginList();
    list.page(objects);
    list.complete();
  }

  /** An object from a watch event. */
  put(object: T): void {
    const before = this.#objects.get(this.#options.keyOf(object));
    if (before === undefined || !isOlder(object.resourceVersion, before.resourceVersion)) this.#accept(object);
  }

  /** An object from the answer to our own write: only ever a newer version of the instance that is here. */
  assume(object: T): void {
    if (this.#options.isWatched?.(object) === false) return;
    const before = this.#objects.get(this.#options.keyOf(object));
    if (before !== undefined && !this.#options.isOtherInstance(before, object)) this.put(object);
  }

  /** A DELETED event; the object is its last state. */
  remove(object: T): void {
    const key = this.#options.keyOf(object);
    const before = this.#objects.get(key);
    if (before === undefined || isOlder(object.resourceVersion, before.resourceVersion)) return;
    if (!this.#options.isOtherInstance(before, object)) this.#set(key, object);
    this.#drop(key);
  }

  /** Where the end of the previous instance was missed, subscribers hear of it first. */
  #accept(object: T): void {
    const key = this.#options.keyOf(object);
    const before = this.#objects.get(key);
    if (before !== undefined && this.#options.isOtherInstance(before, object)) this.#drop(key);
    this.#set(key, object);
  }

  #set(key: string, object: T): void {
    const before = this.#objects.get(key);
    const now = before === undefined ? object : sharing(before, object);
    this.#objects.set(key, now);
    if (before === undefined) this.#tell({ kind: 'added', key, now });
    else if (!this.#options.isSame(before, now)) this.#tell({ kind: 'updated', key, before, now });
  }

  #drop(key: string): void {
    const before = this.#objects.get(key);
    if (before === undefined) return;
    this.#objects.delete(key);
    this.#tell({ kind: 'removed', key, before });
  }

  #tell(change: Change<T>): void {
    for (const handler of this.#handlers) {
      try {
        handler(change);
      } catch (error) {
        this.#options.onHandlerError(error);
      }
    }
  }
}

/**
 * Whether resourceVersion `a` is older than `b`. They are opaque by contract but ordered decimal numbers in every API
 * server that stores in etcd (and by contract since 1.35); anything else compares as not older.
 */
export function isOlder(a: string, b: string): boolean {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}
