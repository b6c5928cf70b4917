import { ENTRY_STATES, type EntryState } from '../policy/entry-lifecycle.ts';

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
