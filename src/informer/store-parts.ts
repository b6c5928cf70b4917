import type { Listing, Sink } from './reflector.ts';
import { isOlder, Progress } from './resource-version.ts';
import { type Cached, type Lister, listing, type Store } from './store.ts';

/** What a reflector fills, and whether its first list is complete. */
export type Filled<T> = Sink<T> & Pick<Lister<T>, 'hasSynced' | 'size'>;

/**
 * One store that several lists and watches fill together, each with the objects that its selector matches. An object may be
 * of several of them, and goes when the last one has lost it. The events and lists of two of them have no common order.
 */
export function partsOf<T extends Cached>(store: Store<T>, count: number): readonly Filled<T>[] {
  const parts: Part<T>[] = [];
  for (let i = 0; i < count; i++) parts.push(new Part(store, parts));
  return parts;
}

class Part<T extends Cached> implements Filled<T> {
  readonly #store: Store<T>;
  readonly #all: readonly Part<T>[];
  /** The version that this part itself has seen last, by key. */
  readonly #versions = new Map<string, string>();
  readonly #progress = new Progress();
  /** What other parts have seen end since this part's list began, with the version of the end. Undefined: no list goes on. */
  #ended: Map<string, string> | undefined;
  #hasSynced = false;

  constructor(store: Store<T>, all: readonly Part<T>[]) {
    this.#store = store;
    this.#all = all;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get size(): number {
    return this.#versions.size;
  }

  beginList(): Listing<T> {
    this.#ended = new Map();
    return listing({
      keys: () => this.#versions.keys(),
      take: (object, snapshot) => {
        const key = this.#store.keyOf(object);
        if (this.#hasEnded(key, object, snapshot)) return key;
        this.#keep(object);
        if (!this.#isOutdated(key, object)) this.#store.accept(object, snapshot, this.#progress);
        return key;
      },
      drop: (key) => {
        if (this.#lose(key)) this.#store.drop(key);
      },
      complete: (snapshot) => {
        this.#progress.listed(snapshot);
        this.#ended = undefined;
        this.#hasSynced = true;
        if (this.#all.every(({ hasSynced }) => hasSynced)) this.#store.completeFirstList();
      },
    });
  }

  heard(version: string): void {
    this.#progress.heard(version);
  }

  put(object: T): void {
    this.#progress.heard(object.resourceVersion);
    this.#keep(object);
    this.#store.put(object);
  }

  remove(object: T): void {
    this.#progress.heard(object.resourceVersion);
    const key = this.#store.keyOf(object);
    for (const part of this.#all) part.#ended?.set(key, object.resourceVersion);
    if (!this.#lose(key)) return;
    this.#store.remove(object);
    // No part has whatever is there still, so none would learn of its end.
    this.#store.drop(key);
  }

  #keep(object: T): string {
    const key = this.#store.keyOf(object);
    this.#versions.set(key, object.resourceVersion);
    return key;
  }

  /**
   * Whether another part has seen a newer version than that of a list, which is made some time before it arrives. The
   * version of the store does not count: after an etcd restore it is one that no list has any more.
   */
  #isOutdated(key: string, { resourceVersion }: Cached): boolean {
    return this.#all.some((part) => part !== this && isOlder(resourceVersion, part.#versions.get(key) ?? ''));
  }

  /** Whether another part has seen its end since the list was made. After an etcd restore that was in another history. */
  #hasEnded(key: string, { resourceVersion }: Cached, snapshot: string | undefined): boolean {
    const endedAt = this.#ended?.get(key);
    if (endedAt === undefined || !isOlder(resourceVersion, endedAt)) return false;
    return this.#progress.isSince(snapshot, endedAt);
  }

  /** Whether no other part has it. */
  #lose(key: string): boolean {
    this.#versions.delete(key);
    return this.#all.every((part) => !part.#versions.has(key));
  }
}
