import type { Change } from '../informer/store.ts';
import type { Entry, Pod } from '../policy/model.ts';
import type { ObjectKey } from './keys.ts';

/**
 * The cache's own memory of pods that it saw disappear while they were to leave, by pod key: marked ones, and those that
 * were on a draining node, which their operator may have been replacing before any eviction came. It does what a tracking
 * entry does where there is none (tracking off, no tracking resource), for as long as this process lives; the controller
 * prunes it by the same table.
 */
export class EarlierInstances {
  readonly #byKey = new Map<string, { readonly pod: ObjectKey; readonly entry: Entry }>();
  /** Keys of marked pods that have been on a draining node since: somebody may uncordon that before they go. */
  readonly #drained = new Set<string>();
  readonly #isMarked: (pod: Pod) => boolean;
  readonly #isOnDrainingNode: (pod: Pod) => boolean | undefined;
  readonly #now: () => number;

  /** `isOnDrainingNode` is undefined where the pod has no node, or one that the cache does not know. */
  constructor(isMarked: (pod: Pod) => boolean, isOnDrainingNode: (pod: Pod) => boolean | undefined, now: () => number) {
    this.#isMarked = isMarked;
    this.#isOnDrainingNode = isOnDrainingNode;
    this.#now = now;
  }

  get(podKey: string): Entry | undefined {
    return this.#byKey.get(podKey)?.entry;
  }

  /** The pods of which an earlier instance is remembered. */
  pods(): ObjectKey[] {
    return [...this.#byKey.values()].map(({ pod }) => pod);
  }

  forget(podKey: string): void {
    this.#byKey.delete(podKey);
  }

  /** To be told of every change of the pod store. A pod that is marked itself supersedes what was before it. */
  observe(change: Change<Pod>): void {
    if (change.kind !== 'removed') {
      if (this.#isMarked(change.now)) this.#byKey.delete(change.key);
      this.look(change.key, change.now);
      return;
    }
    const { uid, node, namespace, name } = change.before;
    // A node that is not known (any more) is gone: what ran there has to run elsewhere.
    const isLeft = this.#isOnDrainingNode(change.before) ?? node !== undefined;
    const draining = this.#drained.delete(change.key) || isLeft;
    if (!draining && !this.#isMarked(change.before)) return;
    const entry = { uid, at: this.#now(), draining, ...(node === undefined ? {} : { node }) };
    this.#byKey.set(change.key, { pod: { namespace, name }, entry });
  }

  /** Looks at a pod that is there, for it or its node has changed. */
  look(podKey: string, pod: Pod): void {
    if (!this.#isMarked(pod)) this.#drained.delete(podKey);
    else if (this.#isOnDrainingNode(pod)) this.#drained.add(podKey);
  }
}
