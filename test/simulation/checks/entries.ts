import { decodeEntry, entryPod } from '../../../src/policy/entry.ts';
import type { SimTask } from '../actions/admission.ts';
import { ordinalOf } from '../model/objects.ts';
import { MEMBER_NAMES } from '../model/operator.ts';
import type { Fact, Told } from '../model/told.ts';
import type { Write } from '../model/witness.ts';
import { RETENTION_MS } from '../runs/variant.ts';
import type { Ledger } from './ledger.ts';
import type { Marks } from './marks.ts';

const WITHDRAWN_MS = 3 * 60_000;
const GONE_MS = 60 * 60_000;

/** That entries and memories are written for what was decided on (g), and pruned by the table alone (e). */
export class Entries {
  readonly #ledger: Ledger;
  readonly #marks: Marks;
  /** When an entry was last pruned, by the name of its pod. */
  readonly prunedAt = new Map<string, number>();
  /** When each value was written. */
  readonly #writtenAt = new Map<string, number>();

  constructor(ledger: Ledger, marks: Marks) {
    this.#ledger = ledger;
    this.#marks = marks;
  }

  checkWrite({ tracker, key, value }: Extract<Write, { value: string }>, task: SimTask): void {
    const { uid = '' } = decodeEntry(value);
    if (task.kind !== 'admission' || task.decidedOn !== uid) {
      this.#ledger.violate('g', `${task.name} wrote an entry for ${uid}, and decided otherwise`);
      return;
    }
    // One for an instance that has gone meanwhile does no harm, so that nothing is refused here.
    this.#marks.mayMark(uid, task);
    this.#writtenAt.set(value, this.#ledger.clock.now);
    const there = tracker.annotations[key];
    if (there !== undefined) this.#checkOverwrite(decodeEntry(there).uid ?? '', uid, task);
    const keys = new Set([...Object.keys(tracker.annotations), key]);
    if (keys.size > MEMBER_NAMES) this.#ledger.violate('e', `there are ${keys.size} entries for ${MEMBER_NAMES} names`);
  }

  /** What was decided on an older state of the entry must not undo a newer one. */
  #checkOverwrite(there: string, uid: string, task: SimTask): void {
    if (there === uid) return;
    const what = `${task.name} wrote an entry for ${uid} over the one for ${there}`;
    if (ordinalOf(there) > ordinalOf(uid)) this.#ledger.violate('g', `${what}, which is newer`);
    else if (this.#isMarkedNow(there)) this.#ledger.violate('g', `${what}, which is still to move`);
  }

  /** The hook sends the removal of an entry: whether, by what this process was told, it is time for that. */
  checkDecided(key: string, value: string, told: Told): void {
    const { uid = '' } = decodeEntry(value);
    const agoMs = this.#ledger.clock.now - (this.#writtenAt.get(value) ?? 0);
    const isDue = this.#isDue(entryPod(key, value)?.name ?? '', uid, { told, atMostMs: agoMs });
    if (!isDue) this.#ledger.violate('e', `the entry of ${uid} is to be pruned before its time`);
  }

  checkPrune(key: string, value: string): void {
    const { uid = '' } = decodeEntry(value);
    if (this.#isMarkedNow(uid)) this.#ledger.violate('e', `the entry of ${uid} is pruned while it is marked`);
    this.#checkEarly(`the entry ${key} of ${uid}`, uid, this.#ledger.ends.get(uid)?.wasMarked === true);
    this.prunedAt.set(entryPod(key, value)?.name ?? '', this.#ledger.clock.now);
  }

  /** A process prunes what it remembers of an instance. */
  forgot(name: string, uid: string, told: Told): void {
    this.#checkEarly(`the memory of ${uid}`, uid, true);
    const isDue = this.#isDue(name, uid, { told, atMostMs: Number.POSITIVE_INFINITY });
    if (!isDue) this.#ledger.violate('e', `the memory of ${uid} is pruned before its time`);
  }

  #checkEarly(what: string, uid: string, counts: boolean): void {
    const { ends, clock, server } = this.#ledger;
    const agoMs = clock.now - (ends.get(uid)?.at ?? 0);
    if (counts && ends.has(uid) && agoMs < RETENTION_MS && !server.hidden.has(uid))
      this.#ledger.violate('e', `${what} is pruned ${agoMs} ms after its end`);
  }

  #isMarkedNow(uid: string): boolean {
    return [...this.#ledger.server.pods.values()].some((pod) => pod.uid === uid && pod.mark?.value === 'true');
  }

  /** The reconcile table, on what the process was told. `atMostMs`: for no longer can anything have been so. */
  #isDue(name: string, uid: string, { told, atMostMs }: { told: Told; atMostMs: number }): boolean {
    const { clock, server } = this.#ledger;
    const { now } = clock;
    // It counts as gone from when it lost its label, though it has got that back.
    if (server.hidden.has(uid)) return true;
    return told
      .factsOf(name)
      .some((fact) => Math.min((fact.until ?? now) - fact.since, atMostMs) >= dueAfterMs(fact, uid));
  }
}

function dueAfterMs({ kind, uid }: Fact, ofUid: string): number {
  if (kind === 'gone') return GONE_MS;
  if (uid === ofUid) return kind === 'unmarked' ? WITHDRAWN_MS : Number.POSITIVE_INFINITY;
  return kind === 'settled' ? RETENTION_MS : Number.POSITIVE_INFINITY;
}
