import type { Refusal } from '../../policy/observation.ts';
import { putNewest } from '../bounded-map.ts';

interface Refused {
  readonly why: string;
  readonly count: number;
  readonly at: number;
}

/** Between the refusals that count: a hiccup of another webhook may last as long. */
const APART_MS = 5_000;
/** After this the hook tries to write an entry again. */
const SETTLED_FOR_MS = 10 * 60_000;
const REFUSALS_UNTIL_SETTLED = 2;
const MAX_TRACKERS = 1_000;

/**
 * The trackers that refuse entries, by validation or by admission. A pod without an entry may move once more than it has
 * to; a pod that is never marked holds up its drain for ever. Keys are tracker keys.
 */
export class Refusals {
  readonly #byKey = new Map<string, Refused>();
  readonly #monotonicNow: () => number;

  constructor(monotonicNow: () => number) {
    this.#monotonicNow = monotonicNow;
  }

  /** Undefined if the tracker did not refuse its last entry, or has not for long. */
  get(trackerKey: string): Refusal | undefined {
    const refused = this.#byKey.get(trackerKey);
    if (refused === undefined || this.#monotonicNow() - refused.at > SETTLED_FOR_MS) return undefined;
    return { why: refused.why, isSettled: refused.count >= REFUSALS_UNTIL_SETTLED };
  }

  /** A refusal right after another one does not count. */
  refused(trackerKey: string, why: string): void {
    const now = this.#monotonicNow();
    const before = this.get(trackerKey) && this.#byKey.get(trackerKey);
    if (before !== undefined && now - before.at < APART_MS) return;
    putNewest(this.#byKey, trackerKey, { why, count: (before?.count ?? 0) + 1, at: now }, MAX_TRACKERS);
  }

  /** Takes over what another one knows. */
  adopt(other: Refusals): void {
    for (const [key, refused] of other.#byKey) putNewest(this.#byKey, key, refused, MAX_TRACKERS);
  }

  /** It took an entry, or it is gone: the next one of its name has not been asked yet. */
  forget(trackerKey: string): void {
    this.#byKey.delete(trackerKey);
  }
}
