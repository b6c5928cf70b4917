import type { Listing, Sink } from './reflector.ts';
import { isOlder, Progress } from './resource-version.ts';
import { sharing } from './structural-sharing.ts';

/** What every cached object has. Keys are `namespace/name`, or `name` for cluster-scoped objects. */
export interface Cached {
  readonly resourceVersion: string;
}

export type Change<T> =
  | { readonly kind: 'added'; readonly key: string; readonly now: T }
  | { readonly kind: 'updated'; readonly key: string; readonly before: T; readonly now: T }
  | { readonly kind: 'removed'; readonly key: string; readonly before: T };

/** Read access to a store. Callers must not modify the objects. */
export interface Lister<T> {
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  readonly size: number;
  /** False until the first list is complete. Until then, absence means nothing. */
  readonly hasSynced: boolean;
}

export interface StoreOptions<T> {
  keyOf(object: T): string;
  /** Whether two versions are the same to the policy. If they are, the store does not notify its subscribers. */
  isSame(a: T, b: T): boolean;
  /** Whether two objects under one key are different instances (another UID). */
  isOtherInstance(a: T, b: T): boolean;
  /**
   * Whether the watch delivers events for the object. The store must not keep any other object, because it would never
   * learn of its deletion. Absent: the watch delivers events for every object.
   */
  isWatched?(object: T): boolean;
  onHandlerError(error: unknown): void;
  /** Called once, when the first list is complete. */
  onSynced?(): void;
}

/**
 * The objects of one kind as the API server last sent them. Invariant: a key never goes back to an older resourceVersion,
 * unless etcd was restored. Events and lists from before a write therefore do not undo the object from that write's response.
 */
export class Store<T extends Cached> implements Lister<T>, Sink<T> {
  readonly #objects = new Map<string, T>();
  readonly #handlers = new Set<(change: Change<T>) => void>();
  readonly #options: StoreOptions<T>;
  readonly #progress = new Progress();
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

  /** Handlers are called after every change. A handler that throws harms neither the store nor the other handlers. */
  subscribe(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /**
   * Begins a list whose pages come one by one. The objects of a page count at once; `complete` removes what no page
   * had. So the event loop never blocks for the whole list, and the store never holds two copies of it.
   * The store accepts a list even if its resourceVersions are older than its own, because they are after an etcd
   * restore. But a write whose answer it knows is not undone by a list that was made before it.
   */
  beginList(): Listing<T> {
    return listing({
      keys: () => this.#objects.keys(),
      take: (object, snapshot) => {
        this.accept(object, snapshot, this.#progress);
        return this.keyOf(object);
      },
      drop: (key) => this.drop(key),
      complete: (snapshot) => {
        this.#progress.listed(snapshot);
        this.completeFirstList();
      },
    });
  }

  /** From the first call on, an object that the store lacks does not exist. */
  completeFirstList(): void {
    if (this.#hasSynced) return;
    this.#hasSynced = true;
    this.#options.onSynced?.();
  }

  keyOf(object: T): string {
    return this.#options.keyOf(object);
  }

  /** A list of one page. */
  replace(objects: readonly T[]): void {
    const list = this.beginList();
    list.page(objects);
    list.complete();
  }

  /** See `Sink.heard`. */
  heard(version: string): void {
    this.#progress.heard(version);
  }

  /** An object from a watch event. */
  put(object: T): void {
    this.#progress.heard(object.resourceVersion);
    this.#putNewer(object);
  }

  #putNewer(object: T): void {
    const before = this.#objects.get(this.#options.keyOf(object));
    if (before === undefined || !isOlder(object.resourceVersion, before.resourceVersion)) this.accept(object);
  }

  /**
   * An object from the response to the hook's own write. It counts only if it is a newer version of the cached
   * instance.
   */
  assume(object: T): void {
    if (this.#options.isWatched?.(object) === false) return;
    const before = this.#objects.get(this.#options.keyOf(object));
    if (before !== undefined && !this.#options.isOtherInstance(before, object)) this.#putNewer(object);
  }

  /** A DELETED event; the object is its last state. */
  remove(object: T): void {
    this.#progress.heard(object.resourceVersion);
    const key = this.#options.keyOf(object);
    const before = this.#objects.get(key);
    if (before === undefined || isOlder(object.resourceVersion, before.resourceVersion)) return;
    if (!this.#options.isOtherInstance(before, object)) this.#set(key, object);
    this.drop(key);
  }

  /**
   * An object of a list made at `snapshot`. If the store missed the deletion of the previous instance, subscribers get that
   * change first.
   */
  accept(object: T, snapshot?: string, progress?: Progress): void {
    const key = this.#options.keyOf(object);
    const before = this.#objects.get(key);
    const isOther = before !== undefined && this.#options.isOtherInstance(before, object);
    if (before !== undefined && !isOther && progress?.isSince(snapshot, before.resourceVersion)) return;
    if (isOther) this.drop(key);
    this.#set(key, object);
  }

  #set(key: string, object: T): void {
    const before = this.#objects.get(key);
    const now = before === undefined ? object : sharing(before, object);
    this.#objects.set(key, now);
    if (before === undefined) this.#notify({ kind: 'added', key, now });
    else if (!this.#options.isSame(before, now)) this.#notify({ kind: 'updated', key, before, now });
  }

  /** No list has it any more. */
  drop(key: string): void {
    const before = this.#objects.get(key);
    if (before === undefined) return;
    this.#objects.delete(key);
    this.#notify({ kind: 'removed', key, before });
  }

  #notify(change: Change<T>): void {
    for (const handler of this.#handlers) {
      try {
        handler(change);
      } catch (error) {
        this.#options.onHandlerError(error);
      }
    }
  }
}

/** Whose objects a list says. */
interface Listed<T> {
  /** Of the objects that are there. */
  keys(): Iterable<string>;
  /** Takes an object of a page, and returns its key. */
  take(object: T, snapshot: string | undefined): string;
  drop(key: string): void;
  complete(snapshot: string | undefined): void;
}

/** A list whose pages come one by one. In the end what no page had is dropped. */
export function listing<T>({ keys, take, drop, complete }: Listed<T>): Listing<T> {
  const listed = new Set<string>();
  let unlisted: string[] | undefined;
  let at: string | undefined;
  const sweep = (most: number) => {
    unlisted ??= [...keys()].filter((key) => !listed.has(key));
    for (const key of unlisted.splice(-most)) drop(key);
    return unlisted.length > 0;
  };
  return {
    sweep,
    page: (objects, snapshot) => {
      at = snapshot;
      for (const object of objects) listed.add(take(object, snapshot));
    },
    complete: () => {
      sweep(Number.POSITIVE_INFINITY);
      complete(at);
    },
  };
}
