import type { Change } from '../informer/store.ts';
import type { Entry, Pod } from '../policy/model.ts';
import type { ObjectKey } from './keys.ts';

/** The node of a pod, as far as the memory needs it. */
export interface NodeOfPod {
  readonly uid: string;
  readonly isDraining: boolean;
}

/**
 * The cache's memory of pods that disappeared while they were marked, or while their node was draining. An operator may
 * already replace a pod on a draining node before any eviction arrives.
 * It replaces an entry if there is none (tracking off, no tracker), as long as this process lives. The controller
 * prunes it by the same table. Keys are pod keys.
 */
export class EarlierInstances {
  readonly #byKey = new Map<string, { readonly pod: ObjectKey; readonly entry: Entry }>();
  /**
   * The UID of the node of each marked pod whose node was draining at some time since the mark: somebody may uncordon it,
   * or replace it, before the pod goes.
   */
  readonly #sawDraining = new Map<string, string>();
  readonly #isMarked: (pod: Pod) => boolean;
  readonly #nodeOf: (pod: Pod) => NodeOfPod | undefined;
  readonly #now: () => number;

  /** `nodeOf` returns undefined if the pod has no node, or one that the cache does not know. */
  constructor(isMarked: (pod: Pod) => boolean, nodeOf: (pod: Pod) => NodeOfPod | undefined, now: () => number) {
    this.#isMarked = isMarked;
    this.#nodeOf = nodeOf;
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

  /** Takes every change of the pod store. A pod that the hook marked supersedes the instance before it. */
  observe(change: Change<Pod>): void {
    if (change.kind === 'removed') {
      this.#remember(change.key, change.before);
      return;
    }
    if (this.#isMarked(change.now) && !change.now.mark?.isForeign) this.#byKey.delete(change.key);
    this.look(change.key, change.now);
  }

  #remember(podKey: string, pod: Pod): void {
    const { uid, node, namespace, name } = pod;
    const lastNode = this.#nodeOf(pod);
    const drained = this.#sawDraining.get(podKey);
    this.#sawDraining.delete(podKey);
    // A node that the cache does not know (any more) is gone, so its pods must run elsewhere.
    const draining = drained !== undefined || (lastNode?.isDraining ?? node !== undefined);
    if (!draining && !this.#isMarked(pod)) return;
    const nodeUid = drained ?? lastNode?.uid;
    const where = { ...(node === undefined ? {} : { node }), ...(nodeUid === undefined ? {} : { nodeUid }) };
    this.#byKey.set(podKey, { pod: { namespace, name }, entry: { uid, at: this.#now(), draining, ...where } });
  }

  /** Looks at an existing pod again, because it or its node has changed. */
  look(podKey: string, pod: Pod): void {
    const node = this.#nodeOf(pod);
    if (!this.#isMarked(pod)) this.#sawDraining.delete(podKey);
    else if (node?.isDraining && !this.#sawDraining.has(podKey)) this.#sawDraining.set(podKey, node.uid);
  }
}
