import { namespacedKey } from '../../src/cache/cache.ts';
import { decodeEntry, entryPod } from '../../src/policy/entry.ts';
import type { MarkDecision } from '../../src/webhook/mark.ts';
import type { Admission, SimTask } from './admission.ts';
import type { ApiServer, Witness, Write } from './api-server.ts';
import type { SimClock } from './clock.ts';
import { isEnding, isProtected, isSelected, NAMESPACE, type SimNode, type SimPod } from './objects.ts';
import { RETENTION_MS, type Variant, wantsEntry } from './variant.ts';

/** The letters of docs/simulation.md. */
export type InvariantId = 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g';

export interface Violation {
  readonly invariant: InvariantId;
  readonly what: string;
}

/** How an instance ended. */
interface End {
  readonly at: number;
  readonly wasMarked: boolean;
  readonly wasOnDrainingNode: boolean;
}

const CORPSE_MS = 5 * 60_000;

/** Watches the truth and what is done to it; the first violation is kept. Each exception is one that the README states. */
export class Invariants implements Witness<SimTask> {
  violation: Violation | undefined;
  /** Admissions on their way, orphans too. */
  readonly underWay = new Set<Admission>();
  readonly #clock: SimClock;
  readonly #variant: Variant;
  #server!: ApiServer<SimTask>;
  readonly #ends = new Map<string, End>();
  /** Instances that an eviction was for, or for their name while they were on a draining node. */
  readonly #asked = new Set<string>();
  /** When the request began because of which an instance was marked. */
  readonly #markedFrom = new Map<string, number>();
  /** When an entry was last pruned, by the name of its pod. */
  readonly #prunedAt = new Map<string, number>();

  constructor(clock: SimClock, variant: Variant) {
    this.#clock = clock;
    this.#variant = variant;
  }

  watch(server: ApiServer<SimTask>): void {
    this.#server = server;
  }

  violate(invariant: InvariantId, what: string): void {
    this.violation ??= { invariant, what };
  }

  changed(): void {
    for (const admission of this.underWay) this.look(admission);
  }

  /** Takes down what is true for an admission at this moment. */
  look(admission: Admission): void {
    const { name, uid } = admission.request;
    const pod = this.#server.pods.get(name);
    if (pod !== undefined && this.#isCorpse(pod)) admission.sawCorpse = true;
    if (pod !== undefined && !isSelected(pod)) admission.sawUnselected = true;
    const isMeant = pod !== undefined && (uid === undefined || uid === pod.uid) && this.#isOnDrainingNode(pod);
    if (isMeant && !admission.request.dryRun) admission.drainingUids.add(pod.uid);
    if (!isMeant || !isProtected(pod)) admission.heldThroughout = false;
  }

  /** An admission is over, however it ended. */
  left(admission: Admission): void {
    this.underWay.delete(admission);
    for (const uid of admission.drainingUids) this.#asked.add(uid);
  }

  removed(pod: SimPod): void {
    this.#ends.set(pod.uid, {
      at: this.#clock.now,
      wasMarked: pod.mark?.value === 'true',
      wasOnDrainingNode: this.#isOnDrainingNode(pod),
    });
  }

  decided({ pod }: MarkDecision, task: SimTask): void {
    if (task.kind !== 'admission') return;
    task.decidedOn = pod.uid;
    task.knewInstance = task.process.cache.pods.get(namespacedKey(pod.namespace, pod.name))?.uid === pod.uid;
  }

  /** A process prunes what it remembers of an instance (e). */
  forgot(uid: string): void {
    const agoMs = this.#clock.now - (this.#ends.get(uid)?.at ?? 0);
    if (agoMs < RETENTION_MS && !this.#server.hidden.has(uid))
      this.violate('e', `the memory of ${uid} is pruned ${agoMs} ms after its end`);
  }

  wrote(write: Write, task: SimTask): void {
    if (task.kind === 'admission' && task.request.dryRun)
      this.violate('f', `${task.name}, a dry run, wrote: ${write.kind}`);
    if (write.kind === 'mark') this.#checkMark(write.pod, task);
    else if (write.kind === 'entry') this.#checkEntry(write.value, task);
    else if (write.kind === 'prune') this.#checkPrune(write.key, write.value);
  }

  /** The API server deletes a pod because the hook allowed an eviction (a). */
  evicted(pod: SimPod, admission: Admission): void {
    // Rule 6: a corpse is let go also by name, because nobody is replacing it.
    const isOfCorpse = admission.decision?.reason === 'Corpse' && admission.sawCorpse;
    // Rule 3: nobody can know that it is to be protected a moment later, or that its successor is.
    const isOfUnselected = admission.decision?.reason === 'NotSelected' && admission.sawUnselected;
    if (isProtected(pod) && !isOfCorpse && !isOfUnselected) {
      this.violate(
        'a',
        `${pod.uid}, live and selected, is evicted: ${admission.name} was allowed (${admission.decision?.reason})`,
      );
    }
  }

  /** The drainer is told a denial (b, d). */
  refused(code: number, admission: Admission): void {
    const { request, name, decision } = admission;
    if (code === 404 && admission.heldThroughout) {
      this.violate('b', `${name} is told 404 (${decision?.reason}) while ${request.name} is live on a draining node`);
    }
    if (code === 500 || (code === 409 && (request.uid === undefined || admission.heldThroughout))) {
      this.violate('d', `${name} is told ${code} (${decision?.reason}): its drain is given up`);
    }
  }

  #checkMark(pod: SimPod, task: SimTask): void {
    if (task.kind !== 'admission' || task.decidedOn !== pod.uid) {
      this.violate('g', `${task.name} marked ${pod.uid}, and decided otherwise`);
    } else if (!this.#mayMark(pod.uid, task)) {
      this.violate('c', `${task.name} marked ${pod.uid} on ${pod.node}; it was to leave ${task.target.uid}`);
    }
    if (task.kind === 'admission') this.#markedFrom.set(pod.uid, task.startedAt);
  }

  /** By its UID, as the instance that the drainer saw, or by name while it was on a draining node. */
  #isAskedFor(uid: string, { request, target, drainingUids }: Admission): boolean {
    if (request.uid !== undefined) return request.uid === uid;
    return target.uid === uid || drainingUids.has(uid);
  }

  /** Once it may be marked, or an entry says that it is to be, every replica may do so. */
  #mayMark(uid: string, admission: Admission): boolean {
    const mayMark = this.#asked.has(uid) || this.#isAskedFor(uid, admission) || this.#isExcused(admission);
    if (mayMark) this.#asked.add(uid);
    return mayMark;
  }

  /**
   * Where the instance that the drainer saw has gone, and the hook cannot know that it was to leave: it was neither marked
   * nor on a draining node at its end; or what was remembered of it was pruned by the table; or there is no entry for it, and
   * this process, which knows its successor, has not seen it leave: it began only afterwards, or it did not know yet that the
   * node was draining.
   */
  #isExcused({ target, process, knewInstance }: Admission): boolean {
    const end = this.#ends.get(target.uid);
    if (end === undefined) return false;
    if (!end.wasMarked && !end.wasOnDrainingNode) return true;
    const isSince = (at: number | undefined) => at !== undefined && at > end.at;
    if (end.wasMarked && this.#hasEntry(target.uid)) return isSince(this.#prunedAt.get(target.name));
    const forgottenAt = process.forgottenAt.get(namespacedKey(NAMESPACE, target.name));
    // For the cache an instance without its label has gone.
    const isForgotten = isSince(forgottenAt) || (forgottenAt !== undefined && this.#server.hidden.has(target.uid));
    return isForgotten || (knewInstance && !process.sawLeaving.has(target.uid));
  }

  /** Whether there has to be an entry for it: in the tracking resource that was there before it was marked. */
  #hasEntry(uid: string): boolean {
    const since = this.#server.trackerSince;
    const from = this.#markedFrom.get(uid);
    return wantsEntry(this.#variant) && since !== undefined && from !== undefined && since <= from;
  }

  #checkEntry(value: string, task: SimTask): void {
    const { uid = '' } = decodeEntry(value);
    if (task.kind !== 'admission' || task.decidedOn !== uid) {
      this.violate('g', `${task.name} wrote an entry for ${uid}, and decided otherwise`);
    } else {
      // One for an instance that has gone meanwhile does no harm, so that nothing is refused here.
      this.#mayMark(uid, task);
    }
  }

  #checkPrune(key: string, value: string): void {
    const { uid = '' } = decodeEntry(value);
    const end = this.#ends.get(uid);
    const present = [...this.#server.pods.values()].find((pod) => pod.uid === uid);
    if (present?.mark?.value === 'true') this.violate('e', `the entry of ${uid} is pruned while it is marked`);
    const isEarly = end?.wasMarked && this.#clock.now - end.at < RETENTION_MS;
    if (isEarly && !this.#server.hidden.has(uid)) {
      this.violate('e', `the entry ${key} of ${uid} is pruned ${this.#clock.now - (end?.at ?? 0)} ms after its end`);
    }
    this.#prunedAt.set(entryPod(key, value)?.name ?? '', this.#clock.now);
  }

  #isOnDrainingNode({ node }: SimPod): boolean {
    return node !== undefined && isDraining(this.#server.nodes.get(node));
  }

  #isCorpse(pod: SimPod): boolean {
    const endOf = Math.min(
      pod.deletionDeadline ?? Number.POSITIVE_INFINITY,
      pod.finishedAt ?? Number.POSITIVE_INFINITY,
    );
    return isEnding(pod) && this.#clock.now - endOf > CORPSE_MS;
  }
}

/** The truth about a node; deliberately not the product's own code. */
export function isDraining(node: SimNode | undefined): boolean {
  return node === undefined || node.unschedulable || node.taints.length > 0;
}
