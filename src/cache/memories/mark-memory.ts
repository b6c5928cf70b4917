import type { Change } from '../../informer/store.ts';
import { WITHDRAWN_AFTER_MS } from '../../policy/entry-lifecycle.ts';
import type { Mark, Pod } from '../../policy/model.ts';
import type { MarkRecord, NodeReturns } from '../../policy/observation.ts';
import { putNewest } from '../bounded-map.ts';

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
/** Records beyond these are dropped, the oldest first. Dropping one makes a stall be reported later. */
const MAX_INSTANCES = 10_000;
/** A drain that was given up so long ago has nothing to do with the next one. */
const TAKEN_BACK_MS = 24 * 3_600_000;

/** Marks of one instance that were taken back in a row. */
interface TakenBack {
  readonly uid: string;
  readonly count: number;
  readonly at: number;
}

/**
 * What this process knows of the marks that it made, for as long as their instances exist. It tells a mark of the hook
 * from somebody else's, even before the API server has carried it out. It notices marks that somebody takes away. For
 * pods without an entry it also counts returns to a draining node.
 */
export class MarkMemory {
  readonly #byKey = new Map<string, MarkRecord>();
  /** By namespace and UID of the node. */
  readonly #returns = new Map<string, NodeReturns>();
  readonly #takenBack = new Map<string, TakenBack>();
  readonly #isMarked: (pod: Pod) => boolean;
  readonly #now: () => number;
  readonly #isDrainOver: (pod: Pod) => boolean;

  /** `isDrainOver`: of a marked pod whether the hook itself would take its mark back. */
  constructor(isMarked: (pod: Pod) => boolean, now: () => number, isDrainOver: (pod: Pod) => boolean = () => false) {
    this.#isMarked = isMarked;
    this.#now = now;
    this.#isDrainOver = isDrainOver;
  }

  /** A mark that was taken away and not made again is forgotten, as its entry is withdrawn. */
  get(podKey: string, uid: string): MarkRecord | undefined {
    const record = this.#byKey.get(podKey);
    if (record?.uid !== uid) return undefined;
    const isOver = record.isLost && this.#now() - record.lastAt > WITHDRAWN_AFTER_MS;
    if (isOver) this.#byKey.delete(podKey);
    return isOver ? undefined : record;
  }

  returnsTo(namespace: string, nodeUid: string): NodeReturns | undefined {
    return this.#returns.get(returnsKey(namespace, nodeUid));
  }

  /** How many marks of the instance were taken back, each within a day of the one before, and the last one within a day. */
  takenBack(podKey: string, uid: string): number {
    const known = this.#takenBack.get(podKey);
    return known?.uid === uid && this.#now() - known.at < TAKEN_BACK_MS ? known.count : 0;
  }

  begin({ podKey, pod, at, marks, return: returned }: MarkBegun): void {
    const lastAt = this.#now();
    // A mark that failed was none, so its time does not count.
    const firstAt = marks > 1 ? this.get(podKey, pod.uid)?.at : undefined;
    putNewest(this.#byKey, podKey, { uid: pod.uid, at: firstAt ?? at, lastAt, marks, isLost: false }, MAX_INSTANCES);
    if (returned === undefined) return;
    putNewest(
      this.#returns,
      returnsKey(pod.namespace, returned.nodeUid),
      { count: returned.count, at: lastAt },
      MAX_NODES,
    );
  }

  /** The pod does not carry the mark any more, or never did although the API server accepted it. */
  lost(podKey: string, uid: string): void {
    const record = this.get(podKey, uid);
    if (record === undefined || record.isLost) return;
    const lastAt = Math.max(record.lastAt, this.#now());
    this.#byKey.set(podKey, { ...record, lastAt, isLost: true });
  }

  /** The Namespace has gone, and so have its pods. Their records go with them. */
  forgetNamespace(namespace: string): void {
    for (const key of this.#returns.keys()) if (key.startsWith(returnsKey(namespace, ''))) this.#returns.delete(key);
  }

  /** Takes over what another one remembers of the pods that there are. It has known their marks for longer. */
  adopt(other: MarkMemory, isKnown: (podKey: string) => boolean): void {
    for (const [podKey, record] of other.#byKey) {
      if (isKnown(podKey)) putNewest(this.#byKey, podKey, record, MAX_INSTANCES);
    }
    for (const [podKey, back] of other.#takenBack) {
      if (isKnown(podKey)) putNewest(this.#takenBack, podKey, back, MAX_INSTANCES);
    }
    for (const [key, returns] of other.#returns) putNewest(this.#returns, key, returns, MAX_NODES);
  }

  /** Takes every change of the pod store. */
  observe(change: Change<Pod>): void {
    if (change.kind === 'removed') {
      this.#byKey.delete(change.key);
      this.#takenBack.delete(change.key);
    }
    if (change.kind !== 'updated') return;
    const [wasMarked, isMarked] = [this.#isMarked(change.before), this.#isMarked(change.now)];
    if (wasMarked && !isMarked) this.#loseMark(change.key, change.before);
    if (!wasMarked && isMarked) this.#markAgain(change.key, change.now);
  }

  /**
   * Also a mark of another replica, or of the process before this one. One that the hook takes back is not lost. Nothing on
   * the pod says who took it away, so what would have been taken back counts as taken back.
   */
  #loseMark(podKey: string, pod: Pod): void {
    const { uid, mark } = pod;
    if (this.#isDrainOver(pod)) {
      this.#byKey.delete(podKey);
      const count = this.takenBack(podKey, uid) + 1;
      putNewest(this.#takenBack, podKey, { uid, count, at: this.#now() }, MAX_INSTANCES);
      return;
    }
    if (isOurs(mark) && this.get(podKey, uid) === undefined) {
      const at = mark?.at ?? this.#now();
      putNewest(this.#byKey, podKey, { uid, at, lastAt: at, marks: 1, isLost: false }, MAX_INSTANCES);
    }
    this.lost(podKey, uid);
  }

  /** Another replica has made a lost mark again: the record goes on, also if this process makes none for minutes. */
  #markAgain(podKey: string, { uid, mark }: Pod): void {
    const record = this.get(podKey, uid);
    if (!record?.isLost || !isOurs(mark)) return;
    const lastAt = Math.max(record.lastAt, mark?.at ?? this.#now());
    this.#byKey.set(podKey, { ...record, lastAt, marks: record.marks + 1, isLost: false });
  }
}

const isOurs = (mark: Mark | undefined) => mark?.by !== undefined && !mark.isForeign;

const returnsKey = (namespace: string, nodeUid: string) => `${namespace} ${nodeUid}`;
