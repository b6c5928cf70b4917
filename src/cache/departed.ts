import type { Entry, Pod } from '../policy/model.ts';
import type { Change } from './store.ts';

/**
 * The cache's own memory of pods that it saw disappear while they were to leave, by pod key: marked ones, and those that
 * were on a draining node, which their operator may have been replacing before any eviction came. It does what a tracking
 * entry does where there is none (tracking off, no tracking resource), for as long as this process lives; the controller
 * prunes it by the same table.
 */
export class DepartedPods {
  readonly #byKey = new Map<string, Entry>();
  readonly #isMarked: (pod: Pod) => boolean;
  readonly #isOnDrainingNode: (pod: Pod) => boolean;
  readonly #now: () => number;

  constructor(isMarked: (pod: Pod) => boolean, isOnDrainingNode: (pod: Pod) => boolean, now: () => number) {
    this.#isMarked = isMarked;
    this.#isOnDrainingNode = isOnDrainingNode;
    this.#now = now;
  }

  get(podKey: string): Entry | undefined {
    return this.#byKey.get(podKey);
  }

  keys(): string[] {
    return [...this.#byKey.keys()];
  }

  forget(podKey: string): void {
    this.#byKey.delete(podKey);
  }

  /** To be told of every change of the pod store. A pod that is marked itself supersedes what was before it. */
  observe(change: Change<Pod>): void {
    if (change.kind !== 'removed') {
      if (this.#isMarked(change.now)) this.#byKey.delete(change.key);
      return;
    }
    const draining = this.#isOnDrainingNode(change.before);
    if (!draining && !this.#isMarked(change.before)) return;
    const { uid, node } = change.before;
    this.#byKey.set(change.key, { uid, at: this.#now(), draining, ...(node === undefined ? {} : { node }) });
  }
}
