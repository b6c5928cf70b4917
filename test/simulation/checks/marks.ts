import type { Mark } from '../../../src/policy/decision.ts';
import type { Admission, SimTask } from '../actions/admission.ts';
import type { Target } from '../model/drainer.ts';
import { ordinalOf, type SimPod } from '../model/objects.ts';
import { wantsEntry } from '../runs/variant.ts';
import type { Ledger } from './ledger.ts';

/** Which instances may be marked (c), and that only those are written to that were decided on (g). */
export class Marks {
  readonly #ledger: Ledger;
  /** Instances that an eviction was for, or for their name while they were on a draining node. */
  readonly #asked = new Set<string>();
  /** When the request began because of which an instance was marked. */
  readonly #markedFrom = new Map<string, number>();
  /** The instance of a name that was marked last. */
  readonly #lastMarked = new Map<string, string>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  decided({ pod }: Mark, task: SimTask): void {
    if (task.kind !== 'admission') return;
    task.decidedOn = pod.uid;
    task.knewInstance = task.process.feed.told.knows(pod.name, pod.uid);
  }

  /** An admission is over: whatever becomes of what it has begun, these were asked for. */
  left({ drainingUids }: Admission): void {
    for (const uid of drainingUids) this.#asked.add(uid);
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

  /** Once it may be marked, or an entry says that it is to be, every replica may do so. */
  mayMark(uid: string, admission: Admission): boolean {
    const mayMark = this.#asked.has(uid) || this.#isAskedFor(uid, admission) || this.#isExcused(admission);
    if (mayMark) this.#asked.add(uid);
    return mayMark;
  }

  /** By its UID, as the instance that the drainer saw, or by name while it was on a draining node. */
  #isAskedFor(uid: string, { request, target, drainingUids }: Admission): boolean {
    if (request.uid !== undefined) return request.uid === uid;
    return target.uid === uid || drainingUids.has(uid);
  }

  /** The instance that a drain by name is about: the one that the drainer saw, or a later one that was asked to move. */
  #toLeave({ name, uid }: Target): string {
    const marked = this.#lastMarked.get(name);
    return marked !== undefined && ordinalOf(marked) > ordinalOf(uid) ? marked : uid;
  }

  /**
   * Where the instance that was to leave has gone, and the hook cannot know that it was to leave: it was neither marked
   * nor on a draining node at its end; or what was remembered of it was pruned by the table; or there is no entry for it, and
   * this process, which knows its successor, was not told that it left: it began only afterwards, or it did not know yet that
   * the node was draining.
   */
  #isExcused({ target, process, knewInstance }: Admission): boolean {
    const { ends, prunedAt, server } = this.#ledger;
    const uid = this.#toLeave(target);
    const end = ends.get(uid);
    if (end === undefined) return false;
    if (!end.wasMarked && !end.wasOnDrainingNode) return true;
    if (end.wasMarked && this.#hasEntry(uid)) return (prunedAt.get(target.name) ?? -1) > end.at;
    const { told } = process.feed;
    // For the cache an instance without its label has gone.
    const from = server.hidden.has(uid) ? -1 : end.at;
    return process.feed.lostAt(target.name) > from || (knewInstance && !told.sawLeaving.has(uid));
  }

  /** Whether there has to be an entry for it: in the tracking resource that was there before it was marked. */
  #hasEntry(uid: string): boolean {
    const { server, variant } = this.#ledger;
    const from = this.#markedFrom.get(uid);
    return (
      wantsEntry(variant) && server.trackerSince !== undefined && from !== undefined && server.trackerSince <= from
    );
  }
}
