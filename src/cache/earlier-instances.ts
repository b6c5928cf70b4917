import type { Change } from '../informer/store.ts';
import type { Entry, Pod } from '../policy/model.ts';
import type { ObjectKey } from './keys.ts';

/**
 * The cache's memory of pods that disappeared while they were marked, or while their node was draining. An operator may
 * already replace a pod on a draining node before any eviction arrives.
 * It replaces an entry if there is none (tracking off, no tracker), as long as this process lives. The controller
 * prunes it by the same table. Keys are pod keys.
 */
export class EarlierInstances {
  readonly #byKey = new Map<string, { readonly pod: ObjectKey; readonly entry: Entry }>();
  /**
   * Keys of marked pods whose node was draining at some time since the mark, because somebody may uncordon it before
   * they go.
   */
  readonly #sawDraining = new Set<string>();
  readonly #isMarked: (pod: Pod) => boolean;
  readonly #isOnDrainingNode: (pod: Pod) => boolean | undefined;
  readonly #now: () => number;

  /** `isOnDrainingNode` returns undefined if the pod has no node, or one that the cache does not know. */
  constructor(isMarked: (pod: Pod) => boolean, isOnDrainingNode: (pod: Pod) => boolean | undefined, now: () => number) {
    this.#isMarked = isMarked;
    this.#isOnDrainingNode = isOnDrainingNode;
    this.#now = now;
  }

  get(podKey: string): Entry | undefined {
    return this.#byKey.get(podKey)?.entry;
  }

  /** The pods whose earlier instance is remembered. */
  pods(): ObjectKey[] {
    return [...this.#byKey.values()].map(({ pod }) => pod);
  }

  forget(podKey: string): void {
    this.#byKey.delete(podKey);
  }

  /** Takes every change of the pod store. A marked pod supersedes the instance before it. */
  observe(change: Change<Pod>): void {
    if (change.kind !== 'removed') {
      if (this.#isMarked(change.now)) this.#byKey.delete(change.key);
      this.look(change.key, change.now);
      return;
    }
    const { uid, node, namespace, name } = change.before;
    // A node that the cache does not know (any more) is gone, so its pods must run elsewhere.
    const isLeft = this.#isOnDrainingNode(change.before) ?? node !== undefined;
    const draining = this.#sawDraining.delete(change.key) || isLeft;
    if (!draining && !this.#isMarked(change.before)) return;
    const entry = { uid, at: this.#now(), draining, ...(node === undefined ? {} : { node }) };
    this.#byKey.set(change.key, { pod: { namespace, name }, entry });
  }

  /** Looks at an existing pod again, because it or its node has changed. */
  look(podKey: string, pod: Pod): void {
    if (!this.#isMarked(pod)) this.#sawDraining.delete(podKey);
    else if (this.#isOnDrainingNode(pod)) this.#sawDraining.add(podKey);
  }
}
