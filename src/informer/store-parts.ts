import type { Listing, Sink } from './reflector.ts';
import type { Cached, Lister, Store } from './store.ts';

/** What a reflector fills, and whether its first list is complete. */
export type Filled<T> = Sink<T> & Pick<Lister<T>, 'hasSynced' | 'size'>;

/**
 * One store that several lists and watches fill together, each with the objects that its selector matches. An object may be
 * of several of them, and goes when the last one has lost it. The events of two watches have no common order.
 */
export function partsOf<T extends Cached>(store: Store<T>, count: number): readonly Filled<T>[] {
  const parts: Part<T>[] = [];
  for (let i = 0; i < count; i++) parts.push(new Part(store, parts));
  return parts;
}

class Part<T extends Cached> implements Filled<T> {
  readonly #store: Store<T>;
  readonly #all: readonly Part<T>[];
  readonly #keys = new Set<string>();
  #hasSynced = false;

  constructor(store: Store<T>, all: readonly Part<T>[]) {
    this.#store = store;
    this.#all = all;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get size(): number {
    return this.#keys.size;
  }

  beginList(): Listing<T> {
    const listed = new Set<string>();
    let unlisted: string[] | undefined;
    const sweep = (most: number) => {
      unlisted ??= [...this.#keys].filter((key) => !listed.has(key));
      for (const key of unlisted.splice(-most)) if (this.#lose(key)) this.#store.drop(key);
      return unlisted.length > 0;
    };
    return {
      sweep,
      page: (objects) => {
        for (const object of objects) {
          listed.add(this.#keep(object));
          this.#store.accept(object);
        }
      },
      complete: () => {
        sweep(Number.POSITIVE_INFINITY);
        this.#hasSynced = true;
        if (this.#all.every(({ hasSynced }) => hasSynced)) this.#store.completeFirstList();
      },
    };
  }

  put(object: T): void {
    this.#keep(object);
    this.#store.put(object);
  }

  remove(object: T): void {
    if (this.#lose(this.#store.keyOf(object))) this.#store.remove(object);
  }

  #keep(object: T): string {
    const key = this.#store.keyOf(object);
    this.#keys.add(key);
    return key;
  }

  /** Whether no other part has it. */
  #lose(key: string): boolean {
    this.#keys.delete(key);
    return this.#all.every((part) => !part.#keys.has(key));
  }
}
