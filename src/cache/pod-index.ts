import type { Change } from '../informer/store.ts';
import type { Pod } from '../policy/model.ts';
import type { Misselection } from '../policy/profiles/misselected.ts';
import { isMarked } from '../policy/profiles/profile.ts';

export interface PodIndexOptions {
  /** The name of the profile that selects the pod. */
  readonly profileOf: (pod: Pod) => string | undefined;
  readonly misselectionsOf: (pod: Pod) => readonly Misselection[];
  /** Called for the first pod that is found to be selected by mistake, of each kind. */
  readonly onMisselected: (why: Misselection, pod: Pod) => void;
}

/**
 * Which pods are on a node, and how many are marked or selected by mistake, so that nobody has to look at every pod. Keys are
 * pod keys.
 */
export class PodIndex {
  readonly #options: PodIndexOptions;
  readonly #misselected = new Map<Misselection, number>();
  readonly #byNode = new Map<string, Set<string>>();
  /** The profile that a marked pod is counted for, by its key: settings may change meanwhile. */
  readonly #profiles = new Map<string, string>();
  readonly #marked = new Map<string, number>();

  constructor(options: PodIndexOptions) {
    this.#options = options;
  }

  /** How many pods, by why they should not be selected. */
  get misselected(): ReadonlyMap<Misselection, number> {
    return this.#misselected;
  }

  /** How many pods are marked, by profile; a profile without any is absent. */
  get marked(): ReadonlyMap<string, number> {
    return this.#marked;
  }

  on(node: string): Iterable<string> {
    return this.#byNode.get(node) ?? [];
  }

  /** Takes every change of the pod store. */
  observe(change: Change<Pod>): void {
    const before = change.kind === 'added' ? undefined : change.before;
    const now = change.kind === 'removed' ? undefined : change.now;
    this.#countMarked(change.key, now);
    if (!isOfSameKind(before, now)) this.#countMisselected(before, now);
    if (before?.node === now?.node) return;
    if (before?.node !== undefined) this.#leave(before.node, change.key);
    if (now?.node !== undefined) this.#come(now.node, change.key);
  }

  #countMarked(key: string, now: Pod | undefined): void {
    const before = this.#profiles.get(key);
    const profile = now !== undefined && isMarked(now) ? this.#options.profileOf(now) : undefined;
    if (before === profile) return;
    if (before !== undefined) addTo(this.#marked, before, -1);
    if (profile === undefined) {
      this.#profiles.delete(key);
      return;
    }
    this.#profiles.set(key, profile);
    addTo(this.#marked, profile, 1);
  }

  #countMisselected(before: Pod | undefined, now: Pod | undefined): void {
    for (const why of this.#misselectionsOf(now)) {
      const count = this.#misselected.get(why);
      this.#misselected.set(why, (count ?? 0) + 1);
      // Once: a tenant could let such pods come and go, with a line of the log for each.
      if (count === undefined) this.#options.onMisselected(why, now as Pod);
    }
    for (const why of this.#misselectionsOf(before)) this.#misselected.set(why, (this.#misselected.get(why) ?? 0) - 1);
  }

  #misselectionsOf(pod: Pod | undefined): readonly Misselection[] {
    return pod === undefined ? [] : this.#options.misselectionsOf(pod);
  }

  #come(node: string, key: string): void {
    const keys = this.#byNode.get(node);
    if (keys === undefined) this.#byNode.set(node, new Set([key]));
    else keys.add(key);
  }

  #leave(node: string, key: string): void {
    const keys = this.#byNode.get(node);
    keys?.delete(key);
    if (keys?.size === 0) this.#byNode.delete(node);
  }
}

function addTo(counts: Map<string, number>, key: string, more: number): void {
  const count = (counts.get(key) ?? 0) + more;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

/** Parts that are equal are one object in the store, so that a change that is about something else costs nothing here. */
const isOfSameKind = (before: Pod | undefined, now: Pod | undefined) =>
  before !== undefined && before.labels === now?.labels && before.annotations === now.annotations;
