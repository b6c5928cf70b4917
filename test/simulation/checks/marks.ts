import type { Mark } from '../../../src/policy/decision.ts';
import { entryKey } from '../../../src/policy/entry.ts';
import type { Admission, SimTask } from '../actions/admission.ts';
import type { Target } from '../model/drainer.ts';
import { NAMESPACE, ordinalOf, type SimPod } from '../model/objects.ts';
import type { End } from '../model/truth.ts';
import { trackedSince, wantsEntry } from '../runs/variant.ts';
import type { Ledger } from './ledger.ts';

/** Checks which instances are marked (c), and that the hook writes only to instances that it decided on (g). */
export class Marks {
  readonly #ledger: Ledger;
  /** Instances that an eviction named by UID, or that were on a draining node while one named them by name. */
  readonly #requested = new Set<string>();
  /** When the request began that caused the mark of an instance. */
  readonly #markedFrom = new Map<string, number>();
  /** The last marked instance of a name. */
  readonly #lastMarked = new Map<string, string>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  decided({ pod }: Mark, task: SimTask): void {
    if (task.kind !== 'admission') return;
    task.decidedOn = pod.uid;
    task.knewInstance = task.process.feed.received.knows(pod.name, pod.uid);
  }

  /** An admission ends. Its instances stay requested, whatever becomes of the calls that it began. */
  left({ drainingUids }: Admission): void {
    for (const uid of drainingUids) this.#requested.add(uid);
  }

  check(pod: SimPod, task: SimTask): void {
    if (task.kind !== 'admission' || task.decidedOn !== pod.uid) {
      this.#ledger.violate('g', `${task.name} marked ${pod.uid}, and decided otherwise`);
    } else if (!this.mayMark(pod.uid, task)) {
      this.#ledger.violate(
        'c',
        `${task.name} marked ${pod.uid} on ${pod.node} because of ${this.#toLeave(task.target)}`,
      );
    }
    if (task.kind === 'admission') this.#markedFrom.set(pod.uid, task.startedAt);
    this.#lastMarked.set(pod.name, pod.uid);
  }

  /**
   * A tenant's entry that names an instance says that this one is to move, whatever went before it.
   * Once an admission may mark an instance, or an entry names it, every replica may mark it.
   */
  mayMark(uid: string, admission: Admission): boolean {
    const mayMark =
      this.#requested.has(uid) ||
      this.#isAskedFor(uid, admission) ||
      this.#isExcused(admission) ||
      this.#ledger.forgeries.named(uid);
    if (mayMark) this.#requested.add(uid);
    return mayMark;
  }

  /**
   * Whether the request is about the instance: by the UID that the drainer saw, or by name while it was on a draining
   * node.
   */
  #isAskedFor(uid: string, { request, target, drainingUids }: Admission): boolean {
    if (request.uid !== undefined) return request.uid === uid;
    return target.uid === uid || drainingUids.has(uid);
  }

  /** The instance that a drain by name is about: the one that the drainer saw, or a later one that was marked. */
  #toLeave({ name, uid }: Target): string {
    const marked = this.#lastMarked.get(name);
    return marked !== undefined && ordinalOf(marked) > ordinalOf(uid) ? marked : uid;
  }

  /**
   * Whether the hook cannot know that the instance, which has gone, was to leave. There are three cases:
   * - It was neither marked nor on a draining node at its end.
   * - The table pruned what the hook remembered of it.
   * - It has no entry, and this process knows its successor but did not see it leave. Either the process began later, or
   *   it did not know yet that the node was draining.
   */
  #isExcused({ target, process, knewInstance }: Admission): boolean {
    const { ends, prunedAt, server } = this.#ledger;
    const uid = this.#toLeave(target);
    const end = ends.get(uid);
    if (end === undefined) return false;
    if (!end.wasMarked && !end.wasOnDrainingNode) return true;
    const lastPrunedAt = prunedAt.get(target.name) ?? -1;
    const isPruned = lastPrunedAt > end.at;
    const hasEntry = this.#hadEntry(target.name, uid, end, lastPrunedAt);
    if (hasEntry && (isPruned || !this.#isTampered(uid, target.name))) return isPruned;
    const { received } = process.feed;
    // For the cache an instance without its label has gone.
    const from = server.hidden.has(uid) ? -1 : end.at;
    return process.feed.lostAt(target.name) > from || (knewInstance && !received.sawLeaving.has(uid));
  }

  /** A tenant has removed or overwritten its entry, or one of that name since: it may have none. */
  #isTampered(uid: string, name: string): boolean {
    const changedAt = this.#ledger.forgeries.changedAt(entryKey(NAMESPACE, name));
    return changedAt >= (this.#markedFrom.get(uid) ?? Number.POSITIVE_INFINITY);
  }

  /** Whether it must have an entry: the tracker existed before the mark. */
  #hasEntry(name: string, uid: string): boolean {
    const { server, variant } = this.#ledger;
    const from = this.#markedFrom.get(uid);
    const since = trackedSince(variant, name, server.trackerSince);
    return wantsEntry(variant, name) && since !== undefined && from !== undefined && since <= from;
  }

  /** Not if the hook's mark was taken away, and its entry pruned, before somebody else marked it. */
  #hadEntry(name: string, uid: string, { wasMarked, wasMarkedByHand, at }: End, prunedAt: number): boolean {
    const from = this.#markedFrom.get(uid) ?? Number.POSITIVE_INFINITY;
    const isWithdrawn = wasMarkedByHand && prunedAt <= at && prunedAt > from;
    return wasMarked && !isWithdrawn && this.#hasEntry(name, uid);
  }
}
