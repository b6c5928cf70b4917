import type { Decision, Mark } from '../../../src/policy/decision.ts';
import { decodeEntry, entryKey } from '../../../src/policy/entry.ts';
import type { Entry } from '../../../src/policy/model.ts';
import type { Admission, SimTask } from '../actions/admission.ts';
import type { ApiServer } from '../model/api-server.ts';
import type { ChangeListener, Write } from '../model/change-listener.ts';
import type { SimClock } from '../model/clock.ts';
import type { HookProcess } from '../model/hook-process.ts';
import { OURS, SECOND } from '../model/installations.ts';
import {
  ELSEWHERE,
  isMarked,
  isMarkedByHand,
  isProtected,
  isUnfinished,
  NAMESPACE,
  OTHERS,
  type SimNode,
  type SimPod,
  type SimTracker,
} from '../model/objects.ts';
import type { ReceivedState } from '../model/received-state.ts';
import { type End, isCorpse, isDraining, meetsReplacementCondition } from '../model/truth.ts';
import { comesBack, type Variant } from '../runs/variant.ts';
import { Entries } from './entries.ts';
import { Forgeries } from './forgeries.ts';
import { Groups } from './groups.ts';
import type { InvariantId, Ledger } from './ledger.ts';
import { Marks } from './marks.ts';
import { checkProfileMark } from './profile-marks.ts';
import { Reports } from './reports.ts';
import { Withdrawals } from './withdrawals.ts';

const seconds = (ms: number) => Math.floor(ms / 1000);

export interface Violation {
  readonly invariant: InvariantId;
  readonly what: string;
}

/**
 * Checks the true state and every change of it, and keeps the first violation. docs/decision-table.md states each
 * exception.
 */
export class Invariants implements ChangeListener<SimTask>, Ledger {
  violation: Violation | undefined;
  /** Admissions under way, orphans included. */
  readonly underWay = new Set<Admission>();
  readonly clock: SimClock;
  readonly variant: Variant;
  readonly ends = new Map<string, End>();
  readonly forgeries: Forgeries;
  readonly #marks: Marks;
  readonly #entries: Entries;
  readonly #reports: Reports;
  readonly #groups: Groups;
  readonly #withdrawals: Withdrawals;
  #server!: ApiServer<SimTask>;

  /** Since nothing fails any more: the marked instances that had come back to their cordoned node, by name. */
  #returned: Map<string, Set<string>> | undefined;
  /** Since when the operator leaves marks alone that are not the hook's. */
  #byHandSince: number | undefined;

  constructor(clock: SimClock, variant: Variant) {
    this.clock = clock;
    this.variant = variant;
    this.forgeries = new Forgeries(clock);
    this.#marks = new Marks(this);
    this.#entries = new Entries(this, this.#marks);
    this.#reports = new Reports(this);
    this.#groups = new Groups(this);
    this.#withdrawals = new Withdrawals(this);
  }

  get server(): ApiServer<SimTask> {
    return this.#server;
  }

  get prunedAt(): ReadonlyMap<string, number> {
    return this.#entries.prunedAt;
  }

  watch(server: ApiServer<SimTask>): void {
    this.#server = server;
  }

  /** From here on the hook must notice pods that come back (j). */
  nothingFails(): void {
    this.#returned = new Map();
  }

  /** The operator leaves marks alone that are not the hook's, or no more: no drain may wait for them (d). */
  leavesMarksByHand(isSo: boolean): void {
    this.#byHandSince = isSo ? this.clock.now : undefined;
  }

  markedByHand(uid: string): void {
    this.#reports.markedByHand(uid);
  }

  /** Somebody has taken away every mark of the hook. `uids`: of the protected pods that had one. */
  stripped(uids: readonly string[]): void {
    this.#reports.stripped(uids);
  }

  /** Somebody has taken marks away for long enough (m). */
  checkStripped(): void {
    this.#reports.checkStripped();
  }

  violate(invariant: InvariantId, what: string): void {
    this.violation ??= { invariant, what };
  }

  changed(): void {
    this.#groups.changed();
    for (const admission of this.underWay) this.look(admission);
  }

  /** Records what is true for an admission at this moment. */
  look(admission: Admission): void {
    const { name, uid } = admission.request;
    const { process } = admission;
    const pod = this.#server.pods.get(name);
    if (pod === undefined) {
      admission.heldThroughout = false;
      admission.outOfPlaceThroughout = false;
      admission.movedThroughout = false;
      return;
    }
    const isMeant = (uid === undefined || uid === pod.uid) && this.#isOnDrainingNode(pod);
    if (isMeant && !admission.request.dryRun) admission.drainingUids.add(pod.uid);
    const lives = process.selects(pod) && isUnfinished(pod);
    admission.sawCorpse ||= isCorpse(pod, this.clock.now);
    admission.sawUnselected ||= !process.selects(pod);
    admission.movedThroughout &&= process.selects(pod) && this.#hasMoved(pod, process.installation);
    admission.heldThroughout &&= isMeant && lives;
    admission.outOfPlaceThroughout &&=
      lives && this.variant.condition !== 'left' && !meetsReplacementCondition(pod, this.variant);
  }

  /** An admission is over, however it ended. */
  left(admission: Admission): void {
    this.underWay.delete(admission);
    this.#marks.left(admission);
  }

  removed(pod: SimPod): void {
    this.#groups.removed(pod);
    this.ends.set(pod.uid, {
      at: this.clock.now,
      wasMarked: isMarked(pod),
      wasMarkedByHand: isMarkedByHand(pod),
      wasOnDrainingNode: this.#isOnDrainingNode(pod),
    });
  }

  decided(decision: Mark, task: SimTask): void {
    this.#reports.decided(decision.pod.uid);
    this.#withdrawals.decided(decision);
    this.#marks.decided(decision, task);
  }

  /** A process is about to prune an entry (e, l). */
  decidedToPrune(key: string, value: string, from: Pick<HookProcess<SimTask>, 'feed' | 'installation'>): void {
    this.#entries.checkDecided(key, value, from);
  }

  /** A process prunes what it remembers of an instance (e). */
  forgot(name: string, uid: string, received: ReceivedState): void {
    this.#entries.forgot(name, uid, received);
  }

  /** Whatever an entry says, the hook has no business in another namespace (g). */
  called(path: string): void {
    if (path.includes(`/namespaces/${ELSEWHERE}/`)) this.violate('g', `the hook calls ${path}`);
  }

  read(found: SimPod | SimNode | SimTracker, task: SimTask): void {
    this.#withdrawals.read(found, task);
  }

  unmarked(pod: SimPod): void {
    if (this.#withdrawals.unmarked(pod)) this.#reports.withdrawn(pod.uid);
  }

  wrote(write: Write, task: SimTask): void {
    if (task.kind === 'admission' && task.request.dryRun)
      this.violate('f', `${task.name}, a dry run, wrote: ${write.kind}`);
    if (write.kind === 'mark') this.#checkMark(write, task);
    else if (write.kind === 'unmark') this.#withdrawals.check(write, task);
    else if (write.kind === 'event') this.#reports.checkEvent(write.object);
    else if (write.kind === 'entry') this.#entries.checkWrite(write, task);
    else if (write.kind === 'prune') this.#entries.checkPrune(write.key, write.value);
  }

  #checkMark(write: Extract<Write, { kind: 'mark' }>, task: SimTask): void {
    const { pod } = write;
    checkProfileMark(this, write);
    this.#withdrawals.marked(write);
    this.#groups.checkMark(pod);
    this.#checkReturn(pod);
    this.#entries.checkMark(pod, task);
    this.#marks.check(pod, task);
  }

  /** A refusal for another installation says whose the pod is (l). Where it is enough to leave, none waits for a successor (d). */
  decidedFinally(admission: Admission, decision: Decision): void {
    const { name, process, request } = admission;
    const waitsForMark = decision.reason === 'Waiting' || decision.reason === 'Stalled';
    if (waitsForMark) this.#checkByHand(admission);
    if (decision.reason === 'SameNode') this.#checkSameNode(name, request.name, process.installation);
    const isForSuccessor = decision.reason === 'WaitingForSchedule' || decision.reason === 'WaitingForReady';
    if (isForSuccessor && this.variant.condition === 'left')
      this.violate('d', `${name} waits for a successor (${decision.reason})`);
    if (decision.kind !== 'deny' || decision.reason !== 'OtherInstallation') return;
    const other = process.installation === OURS ? SECOND : OURS;
    if (!decision.message.includes(` ${other} `))
      this.violate('l', `${name} does not name ${other}: ${decision.message}`);
  }

  /** The API server accepts an allow: without a UID it may hit whatever has that name then (a). */
  allowed(admission: Admission): void {
    this.look(admission);
    const { request, name, decision } = admission;
    if (request.uid === undefined && !request.dryRun && !admission.sawCorpse && !admission.sawUnselected)
      this.violate('a', `${name} is allowed (${decision?.reason}) by name, and ${request.name} is no corpse`);
  }

  /** The API server deletes a pod because the hook allowed an eviction (a). */
  evicted(pod: SimPod, admission: Admission): void {
    const { name, decision, request, process } = admission;
    // The rule `terminatingOrFinished` releases a corpse by name too, because nobody replaces it.
    const isOfCorpse = decision?.reason === 'Corpse' && admission.sawCorpse;
    // The rule `notProtected` cannot know that the pod, or its successor, will be protected a moment later.
    const isOfUnselected = decision?.reason === 'NotSelected' && admission.sawUnselected;
    if (!process.selects(pod) || !isUnfinished(pod) || isOfCorpse || isOfUnselected) return;
    const because = `${name} was allowed (${decision?.reason})`;
    const { graceSeconds = Number.POSITIVE_INFINITY } = request;
    if (isProtected(pod)) this.violate('a', `${pod.uid}, live and selected, is evicted: ${because}`);
    else if (graceSeconds < (pod.deletionGraceSeconds ?? 0))
      this.violate('a', `${pod.uid}, still terminating, gets less grace: ${because}`);
  }

  /** An eviction that is not answered yet. One of a pod that nobody protects waits for the read of the pod alone (k). */
  checkWait({ name, request, calls }: Admission): void {
    if (!(OTHERS as readonly string[]).includes(request.name)) return;
    const others = calls.filter(({ callClass }) => callClass !== 'read');
    if (calls.length === 0 || others.length > 0)
      this.violate('k', `${name} waits for ${others[0]?.request.path ?? 'something else than its own calls'}`);
  }

  /** The drainer gets a denial (b, d). */
  refused(code: number, admission: Admission): void {
    const { request, name, decision } = admission;
    const response = `${name} is told ${code} (${decision?.reason})`;
    if (code === 404 && admission.heldThroughout)
      this.violate('b', `${response} while ${request.name} is live on a draining node`);
    if (code === 404 && admission.outOfPlaceThroughout)
      this.violate('b', `${response} while ${request.name} is not in place`);
    if (code === 500 || (code === 409 && (request.uid === undefined || admission.heldThroughout))) {
      this.violate('d', `${response}: its drain is given up`);
    }
  }

  /**
   * A pod that comes back to its cordoned node is moved once more, and then no more (j). An instance that was to be marked
   * before it had a node has none in its entry, and does not count.
   */
  #checkReturn({ name, uid, node, boundAt = 0 }: SimPod): void {
    const { cordonedAt } = this.#server.nodes.get(node ?? '') ?? {};
    if (this.#returned === undefined || !comesBack(this.variant, name) || cordonedAt === undefined) return;
    if (seconds(cordonedAt) >= seconds(boundAt) || this.entryOf(name)?.node === undefined) return;
    const marked = this.#returned.get(name) ?? new Set();
    this.#returned.set(name, marked.add(uid));
    // A made-up entry starts the count over.
    const most = this.forgeries.changedAt(entryKey(NAMESPACE, name)) === -1 ? 2 : 3;
    if (marked.size > most) this.violate('j', `${name} came back to ${node} again and again, and was moved each time`);
  }

  /** What the tracker says of the name. */
  entryOf(name: string): Entry | undefined {
    const key = entryKey(NAMESPACE, name);
    for (const { annotations } of this.#server.trackers.values())
      if (annotations[key] !== undefined) return decodeEntry(annotations[key]);
    return undefined;
  }

  /** A node that was replaced under its name is not the one that the pod was to leave (d). While things fail, a cache may be late. */
  #checkSameNode(who: string, name: string, asked: string): void {
    const { forges, hangs } = this.variant;
    const { nodeUid, installation = asked } = this.entryOf(name) ?? {};
    // Another installation goes by its memory, which lacks the UID of a node that went before its pods.
    if (installation !== asked) return;
    const node = this.#server.nodes.get(this.#server.pods.get(name)?.node ?? '');
    if (this.#returned === undefined || forges || hangs === 'watch' || nodeUid === undefined) return;
    if (node !== undefined && node.uid !== nodeUid)
      this.violate('d', `${who} waits for ${name} to leave ${node.uid}, and it has left ${nodeUid}`);
  }

  /** No drain by name waits for somebody else's mark on a pod that has moved. Not before the caches have been told of it (d). */
  #checkByHand({ name, request, startedAt, movedThroughout }: Admission): void {
    const isTold = this.#byHandSince !== undefined && startedAt >= this.#byHandSince;
    if (isTold && movedThroughout && request.uid === undefined && !request.dryRun)
      this.violate('d', `${name} waits for somebody else's mark, and ${request.name} has moved`);
  }

  /** A live, settled pod that somebody else has marked and the hook never: its entry is about an instance of another node. */
  #hasMoved(pod: SimPod, ofInstallation: string): boolean {
    const { uid, node, installation = ofInstallation } = this.entryOf(pod.name) ?? {};
    const isEarlier = uid !== undefined && uid !== pod.uid && node !== pod.node && installation === ofInstallation;
    if (!isEarlier || this.forgeries.changedAt(entryKey(NAMESPACE, pod.name)) !== -1) return false;
    const isSettled = meetsReplacementCondition(pod, this.variant) && !this.#isOnDrainingNode(pod);
    return isProtected(pod) && isSettled && isMarkedByHand(pod) && !this.#reports.wasDecided(pod.uid);
  }

  #isOnDrainingNode({ node }: SimPod): boolean {
    return node !== undefined && isDraining(this.#server.nodes.get(node));
  }
}
