import { decodeEntry, entryKey, entryPod } from '../../../src/policy/entry.ts';
import type { Admission, SimTask } from '../actions/admission.ts';
import type { Write } from '../model/change-listener.ts';
import type { HookProcess } from '../model/hook-process.ts';
import type { Installation } from '../model/installations.ts';
import {
  isMarked,
  isMarkedByHand,
  NAMESPACE,
  ordinalOf,
  type SimPod,
  type SimTracker,
  shown,
} from '../model/objects.ts';
import { namesOf } from '../model/operator.ts';
import type { Fact, ReceivedState } from '../model/received-state.ts';
import { comesBack, RETENTION_MS } from '../runs/variant.ts';
import type { Ledger } from './ledger.ts';
import type { Marks } from './marks.ts';

const WITHDRAWN_MS = 3 * 60_000;
/** A pass over all entries may take so long, and look for other installations at its beginning. */
const PASS_MS = 15 * 60_000;
const GONE_MS = 60 * 60_000;

/** Checks that entries and memories match a decision (g), and are pruned only by the table (e). */
export class Entries {
  readonly #ledger: Ledger;
  readonly #marks: Marks;
  /** When an entry was last pruned, by pod name. */
  readonly prunedAt = new Map<string, number>();
  /** The installation that wrote each value. */
  readonly #writers = new Map<string, Installation>();
  /** When each value was written. */
  readonly #writtenAt = new Map<string, number>();

  constructor(ledger: Ledger, marks: Marks) {
    this.#ledger = ledger;
    this.#marks = marks;
  }

  checkWrite({ tracker, key, value }: Extract<Write, { tracker: SimTracker }>, task: SimTask): void {
    const { uid = '' } = decodeEntry(value);
    if (task.kind !== 'admission' || task.decidedOn !== uid) {
      this.#ledger.violate('g', `${task.name} wrote an entry for ${uid}, and decided otherwise`);
      return;
    }
    // An entry for an instance that has gone meanwhile is harmless, so this refuses none.
    this.#marks.mayMark(uid, task);
    this.#writtenAt.set(value, this.#ledger.clock.now);
    this.#checkOther(tracker, key, task, 'wrote an entry over');
    this.#writers.set(value, task.process.installation);
    const there = tracker.annotations[key];
    if (there !== undefined && !this.#ledger.forgeries.has(tracker, key))
      this.#checkOverwrite(decodeEntry(there).uid ?? '', uid, task);
    const { variant } = this.#ledger;
    const names = variant.families.reduce((sum, family) => sum + namesOf(family, variant).length, 0);
    const written = Object.keys(tracker.annotations).filter((one) => !this.#ledger.forgeries.has(tracker, one));
    const keys = new Set([...written, key]);
    if (keys.size > names) this.#ledger.violate('e', `there are ${keys.size} entries for ${names} names`);
  }

  /** A write that was decided on an older state of the entry must not undo a newer one. */
  #checkOverwrite(there: string, uid: string, task: SimTask): void {
    if (there === uid) return;
    const what = `${task.name} wrote an entry for ${uid} over the one for ${there}`;
    if (ordinalOf(there) > ordinalOf(uid)) this.#ledger.violate('g', `${what}, which is newer`);
    else if (this.#isMarkedNow(there)) this.#ledger.violate('g', `${what}, which is still to move`);
  }

  /** The hook sends the removal of an entry: checks whether it is due, by what this process has received. */
  checkDecided(key: string, value: string, from: Pick<HookProcess<SimTask>, 'feed' | 'installation'>): void {
    const { feed, installation } = from;
    const { received } = feed;
    const writer = this.#writerOf(value) ?? installation;
    const since = this.#ledger.server.registrations.get(writer) ?? Number.POSITIVE_INFINITY;
    if (writer !== installation && this.#ledger.clock.now - since > PASS_MS)
      this.#ledger.violate('l', `${installation} prunes the entry ${key} of ${writer}`);
    const { uid = '' } = decodeEntry(value);
    const agoMs = this.#ledger.clock.now - (this.#writtenAt.get(value) ?? 0);
    const isDue = this.#isDue(entryPod(key, value)?.name ?? '', uid, { received, atMostMs: agoMs });
    if (!isDue) this.#ledger.violate('e', `the entry of ${uid} is to be pruned before its time`);
  }

  /** An installation marks a pod whose entry is another's (l). Where names come back it wrote one itself. */
  checkMark({ name }: SimPod, task: SimTask): void {
    if (!comesBack(this.#ledger.variant, name)) return;
    const key = entryKey(NAMESPACE, name);
    if (task.kind !== 'admission' || this.#ledger.forgeries.changedAt(key) >= task.startedAt) return;
    for (const tracker of this.#ledger.server.trackers.values())
      this.#checkOther(tracker, key, task, 'marked the pod of');
  }

  /** Whether the entry is another installation's, and was and that one was registered, since the request. */
  #checkOther({ annotations }: SimTracker, key: string, { name, process, startedAt }: Admission, did: string): void {
    const { server } = this.#ledger;
    const value = annotations[key] ?? '';
    const writer = this.#writerOf(value) ?? process.installation;
    const since = server.registrations.get(writer) ?? Number.POSITIVE_INFINITY;
    const isLate = (server.trackerSince ?? startedAt) > startedAt;
    if (writer !== process.installation && since < startedAt && !isLate)
      this.#ledger.violate('l', `${name} ${did} the entry ${key} of ${writer}`);
  }

  /** The installation that wrote a value; of a made-up one, the one that it names. */
  #writerOf(value: string): string | undefined {
    return this.#writers.get(value) ?? decodeEntry(value).installation;
  }

  checkPrune(key: string, value: string): void {
    const { uid = '' } = decodeEntry(value);
    // A tenant's entry may name an instance of another name, which it is not about.
    const isOfName = uid.startsWith(`${shown(entryPod(key, value)?.name ?? '')}#`);
    if (isOfName && this.#isMarkedNow(uid, true))
      this.#ledger.violate('e', `the entry of ${uid} is pruned while it is marked`);
    this.#checkEarly(`the entry ${key} of ${uid}`, uid, isOfName && this.#wasMarked(uid));
    this.prunedAt.set(entryPod(key, value)?.name ?? '', this.#ledger.clock.now);
  }

  /** A process prunes its memory of an instance. */
  forgot(name: string, uid: string, received: ReceivedState): void {
    this.#checkEarly(`the memory of ${uid}`, uid, true);
    const isDue = this.#isDue(name, uid, { received, atMostMs: Number.POSITIVE_INFINITY });
    if (!isDue) this.#ledger.violate('e', `the memory of ${uid} is pruned before its time`);
  }

  #checkEarly(what: string, uid: string, counts: boolean): void {
    const { ends, clock, server } = this.#ledger;
    const agoMs = clock.now - (ends.get(uid)?.at ?? 0);
    if (counts && ends.has(uid) && agoMs < RETENTION_MS && !server.hidden.has(uid))
      this.#ledger.violate('e', `${what} is pruned ${agoMs} ms after its end`);
  }

  /** `byHook`: only marks of the hook count. */
  #isMarkedNow(uid: string, byHook = false): boolean {
    const counts = (pod: SimPod) => isMarked(pod) && !(byHook && isMarkedByHand(pod));
    return [...this.#ledger.server.pods.values()].some((pod) => pod.uid === uid && counts(pod));
  }

  /** Whether it was marked by the hook when it went. Somebody else's mark does not stop a removal on its way. */
  #wasMarked(uid: string): boolean {
    const end = this.#ledger.ends.get(uid);
    return end?.wasMarked === true && !end.wasMarkedByHand;
  }

  /** The reconcile table, on what the process has received. `atMostMs`: the longest possible duration of any state. */
  #isDue(name: string, uid: string, { received, atMostMs }: { received: ReceivedState; atMostMs: number }): boolean {
    const { clock, server } = this.#ledger;
    const { now } = clock;
    // The instance counts as gone since it lost its label, even if it got the label back.
    if (server.hidden.has(uid)) return true;
    return received
      .factsOf(name)
      .some((fact) => Math.min((fact.until ?? now) - fact.since, atMostMs) >= dueAfterMs(fact, uid));
  }
}

function dueAfterMs({ kind, uid }: Fact, ofUid: string): number {
  if (kind === 'gone') return GONE_MS;
  if (uid === ofUid) return kind === 'unmarked' ? WITHDRAWN_MS : Number.POSITIVE_INFINITY;
  return kind === 'settled' ? RETENTION_MS : Number.POSITIVE_INFINITY;
}
