import type { Change } from '../informer/store.ts';
import type { Pod } from '../policy/model.ts';
import type { MarkRecord } from '../policy/observation.ts';

/** A mark that is about to be made. */
export interface MarkBegun {
  readonly podKey: string;
  readonly pod: Pod;
  readonly at: number;
  readonly marks: number;
  /** Set if the pod came back to this node while it was draining. */
  readonly return?: { readonly nodeUid: string; readonly count: number };
}

/** Counts for nodes beyond these are dropped, the oldest first. Dropping one costs one more move. */
const MAX_NODES = 1_000;

/**
 * What this process knows of the marks that it made, for as long as their instances exist. It tells a mark of the hook
 * from somebody else's, even before the API server has carried it out. It notices marks that somebody takes away. For
 * pods without an entry it also counts returns to a draining node.
 */
export class MarkMemory {
  readonly #byKey = new Map<string, MarkRecord>();
  /** By namespace and UID of the node. */
  readonly #returns = new Map<string, number>();
  readonly #isMarked: (pod: Pod) => boolean;

  constructor(isMarked: (pod: Pod) => boolean) {
    this.#isMarked = isMarked;
  }

  get(podKey: string, uid: string): MarkRecord | undefined {
    const record = this.#byKey.get(podKey);
    return record?.uid === uid ? record : undefined;
  }

  returnsTo(namespace: string, nodeUid: string): number | undefined {
    return this.#returns.get(returnsKey(namespace, nodeUid));
  }

  begin({ podKey, pod, at, marks, return: returned }: MarkBegun): void {
    // A mark that failed was none, so its time does not count.
    const firstAt = marks > 1 ? this.get(podKey, pod.uid)?.at : undefined;
    this.#byKey.set(podKey, { uid: pod.uid, at: firstAt ?? at, marks, isLost: false });
    if (returned === undefined) return;
    const key = returnsKey(pod.namespace, returned.nodeUid);
    this.#returns.delete(key);
    this.#returns.set(key, returned.count);
    const [oldest] = this.#returns.keys();
    if (this.#returns.size > MAX_NODES && oldest !== undefined) this.#returns.delete(oldest);
  }

  /** The pod does not carry the mark any more, or never did although the API server accepted it. */
  lost(podKey: string, uid: string): void {
    const record = this.get(podKey, uid);
    if (record !== undefined && !record.isLost) this.#byKey.set(podKey, { ...record, isLost: true });
  }

  /** Takes every change of the pod store. */
  observe(change: Change<Pod>): void {
    if (change.kind === 'removed') this.#byKey.delete(change.key);
    else if (change.kind === 'updated' && this.#isMarked(change.before) && !this.#isMarked(change.now))
      this.lost(change.key, change.now.uid);
  }
}

const returnsKey = (namespace: string, nodeUid: string) => `${namespace} ${nodeUid}`;
