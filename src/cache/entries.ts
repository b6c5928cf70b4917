import { ENTRY_STATES, type EntryState, type ReadEntry, readEntry } from '../policy/entry-lifecycle.ts';
import type { Tracker } from '../policy/model.ts';
import { keepOnly } from './bounded-map.ts';

/** The entries of one tracker, each decoded once for as long as its value stays the same. */
export class DecodedEntries {
  readonly #byKey = new Map<string, { readonly value: string; readonly read: ReadEntry | undefined }>();

  /** undefined if the annotation is not the hook's. */
  get(tracker: Pick<Tracker, 'namespace' | 'name' | 'owner'>, key: string, value: string): ReadEntry | undefined {
    const known = this.#byKey.get(key);
    if (known?.value === value) return known.read;
    const read = readEntry(tracker, key, value);
    this.#byKey.set(key, { value, read });
    return read;
  }

  /** Forgets every key that `keep` does not have. */
  keepOnly(keep: { has(key: string): boolean }): void {
    keepOnly(this.#byKey, keep);
  }
}

interface Counted {
  readonly states: ReadonlyMap<EntryState, number>;
  readonly leftOut: number;
}

/** How many entries are in each state, over all trackers. A scrape reads the sums and counts nothing. */
export class EntryCounts {
  readonly #byTracker = new Map<string, Counted>();
  readonly #byState = new Map<EntryState, number>(ENTRY_STATES.map((state) => [state, 0]));
  #leftOut = 0;

  get byState(): ReadonlyMap<EntryState, number> {
    return this.#byState;
  }

  /** The entries that are not kept, because their trackers have too many. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Replaces what was counted on this tracker before. */
  set(tracker: string, counted: Counted): void {
    this.forget(tracker);
    this.#byTracker.set(tracker, counted);
    this.#add(counted, 1);
  }

  forget(tracker: string): void {
    const counted = this.#byTracker.get(tracker);
    if (counted === undefined) return;
    this.#byTracker.delete(tracker);
    this.#add(counted, -1);
  }

  #add({ states, leftOut }: Counted, sign: 1 | -1): void {
    for (const [state, count] of states) this.#byState.set(state, (this.#byState.get(state) ?? 0) + sign * count);
    this.#leftOut += sign * leftOut;
  }
}
