import type { Change } from '../../informer/store.ts';
import type { Entry, Pod } from '../../policy/model.ts';
import type { ObjectKey } from '../keys.ts';

/** About 5 MB. A node has some hundred pods at most, and a memory lasts for about an hour. */
export const EARLIER_INSTANCES_MAX = 10_000;

/** The node of a pod, as far as the memory needs it. */
export interface NodeOfPod {
  readonly uid: string;
  readonly isDraining: boolean;
}

interface Remembered {
  readonly pod: ObjectKey;
  readonly entry: Entry;
}

/** The keys of what is remembered in one namespace, oldest first. */
interface InNamespace {
  readonly unmarked: Set<string>;
  readonly marked: Set<string>;
}

export interface EarlierInstancesOptions {
  isMarked(pod: Pod): boolean;
  /** undefined if the pod has no node, or one that the cache does not know. */
  nodeOf(pod: Pod): NodeOfPod | undefined;
  now(): number;
  /** Called when something is dropped because there is too much. */
  onDropped(): void;
  /** Called for all that is forgotten, dropped or not. */
  onForgotten(pod: ObjectKey): void;
  readonly max?: number;
}

/**
 * The cache's memory of pods that disappeared while they were marked, or while their node was draining. An operator may
 * already replace a pod on a draining node before any eviction arrives.
 * It replaces an entry if there is none (tracking off, no tracker), as long as this process lives. The controller
 * prunes it by the same table. Keys are pod keys.
 * Its size is bounded, because anybody may create and delete pods. The namespace with the most loses its oldest first,
 * and unmarked ones before marked ones. What is dropped can cost one more move of a pod of that namespace.
 */
export class EarlierInstances {
  readonly #byKey = new Map<string, Remembered>();
  readonly #byNamespace = new Map<string, InNamespace>();
  /**
   * The UID of the node of each marked pod whose node was draining at some time since the mark: somebody may uncordon it,
   * or replace it, before the pod goes.
   */
  readonly #sawDraining = new Map<string, string>();
  readonly #options: EarlierInstancesOptions;

  constructor(options: EarlierInstancesOptions) {
    this.#options = options;
  }

  get(podKey: string): Entry | undefined {
    return this.#byKey.get(podKey)?.entry;
  }

  /** The UID of the node of a marked pod, if that was draining at some time since the mark. */
  drainedNode(podKey: string): string | undefined {
    return this.#sawDraining.get(podKey);
  }

  /** How many pods have an earlier instance that is remembered. */
  get size(): number {
    return this.#byKey.size;
  }

  /** The pods whose earlier instance is remembered. */
  pods(): ObjectKey[] {
    return [...this.#byKey.values()].map(({ pod }) => pod);
  }

  /** For others, when its time has come. What this forgets by itself does not pass here. */
  forget(podKey: string): void {
    this.#forget(podKey);
  }

  /** The Namespace has gone. The next one of its name has pods of its own (S8). */
  forgetNamespace(namespace: string): void {
    const { unmarked, marked } = this.#byNamespace.get(namespace) ?? {};
    for (const podKey of [...(unmarked ?? []), ...(marked ?? [])]) this.#forget(podKey);
  }

  /**
   * Takes over what another one remembers of pods that this one knows nothing of. `isOurs` says whether a pod whose node the
   * other one has seen draining is marked here as well, or is one that this one missed.
   */
  adopt(other: EarlierInstances, isOurs: (podKey: string) => boolean): void {
    for (const { marked, unmarked } of other.#byNamespace.values()) {
      for (const podKey of marked) this.#adopt(podKey, other, true);
      for (const podKey of unmarked) this.#adopt(podKey, other, false);
    }
    for (const [podKey, nodeUid] of other.#sawDraining) {
      if (!this.#sawDraining.has(podKey) && isOurs(podKey)) this.#sawDraining.set(podKey, nodeUid);
    }
  }

  /** An instance that the other one had seen, and of which this one sees at most the next. To be called after `adopt`. */
  missed(podKey: string, before: Pod, now: Pod | undefined): void {
    this.#end(podKey, before);
    if (now !== undefined) this.observe({ kind: 'added', key: podKey, now });
  }

  #adopt(podKey: string, other: EarlierInstances, isMarked: boolean): void {
    const remembered = other.#byKey.get(podKey);
    if (remembered !== undefined && !this.#byKey.has(podKey)) this.#remember(podKey, remembered, isMarked);
  }

  /** Takes every change of the pod store. A pod that the hook marked supersedes the instance before it. */
  observe(change: Change<Pod>): void {
    if (change.kind === 'removed') {
      this.#end(change.key, change.before);
      return;
    }
    if (this.#options.isMarked(change.now) && !change.now.mark?.isForeign) this.#forget(change.key);
    this.look(change.key, change.now);
  }

  /** Looks at an existing pod again, because it or its node has changed. */
  look(podKey: string, pod: Pod): void {
    const node = this.#options.nodeOf(pod);
    if (!this.#options.isMarked(pod)) this.#sawDraining.delete(podKey);
    else if (node?.isDraining && !this.#sawDraining.has(podKey)) this.#sawDraining.set(podKey, node.uid);
  }

  #end(podKey: string, pod: Pod): void {
    const { isMarked, nodeOf, now } = this.#options;
    const { uid, node, namespace, name } = pod;
    const lastNode = nodeOf(pod);
    const drained = this.#sawDraining.get(podKey);
    this.#sawDraining.delete(podKey);
    // A node that the cache does not know (any more) is gone, so its pods must run elsewhere.
    const draining = drained !== undefined || (lastNode?.isDraining ?? node !== undefined);
    if (!draining && !isMarked(pod)) return;
    const nodeUid = drained ?? lastNode?.uid;
    const where = { ...(node === undefined ? {} : { node }), ...(nodeUid === undefined ? {} : { nodeUid }) };
    const remembered = { pod: { namespace, name }, entry: { uid, at: now(), draining, ...where } };
    this.#remember(podKey, remembered, isMarked(pod));
  }

  #remember(podKey: string, remembered: Remembered, isMarked: boolean): void {
    this.#delete(podKey);
    this.#byKey.set(podKey, remembered);
    const { namespace = '' } = remembered.pod;
    const own = this.#byNamespace.get(namespace) ?? { unmarked: new Set(), marked: new Set() };
    this.#byNamespace.set(namespace, own);
    own[isMarked ? 'marked' : 'unmarked'].add(podKey);
    if (this.#byKey.size > (this.#options.max ?? EARLIER_INSTANCES_MAX)) this.#dropOne();
  }

  #dropOne(): void {
    let most: InNamespace | undefined;
    for (const own of this.#byNamespace.values()) if (most === undefined || sizeOf(own) > sizeOf(most)) most = own;
    const [oldest] = most?.unmarked.size === 0 ? most.marked : (most?.unmarked ?? []);
    if (oldest === undefined) return;
    this.#options.onDropped();
    this.#forget(oldest);
  }

  #forget(podKey: string): void {
    const forgotten = this.#delete(podKey);
    if (forgotten !== undefined) this.#options.onForgotten(forgotten.pod);
  }

  #delete(podKey: string): Remembered | undefined {
    const remembered = this.#byKey.get(podKey);
    if (remembered === undefined) return undefined;
    this.#byKey.delete(podKey);
    const { namespace = '' } = remembered.pod;
    const own = this.#byNamespace.get(namespace);
    own?.unmarked.delete(podKey);
    own?.marked.delete(podKey);
    if (own !== undefined && sizeOf(own) === 0) this.#byNamespace.delete(namespace);
    return remembered;
  }
}

function sizeOf({ unmarked, marked }: InNamespace): number {
  return unmarked.size + marked.size;
}
