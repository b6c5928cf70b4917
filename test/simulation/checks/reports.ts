import type { JsonObject } from '../../../src/kube/client.ts';
import { EPOCH } from '../model/objects.ts';
import { STALL_AFTER_MS } from '../runs/profile-sets.ts';
import type { Ledger } from './ledger.ts';

/** How far the hook may be off: what the `Date` of a response leaves open. */
const OFF_MS = 5_000;
/** How long an Event may be on its way. */
const UNDER_WAY_MS = 120_000;

/** Within this time a replica must have written that a pod is stalled. */
const NOTICED_MS = 120_000;

/** Checks that what the hook reports of time is true by the API server's clock (h), and that it reports stalls (m). */
export class Reports {
  readonly #ledger: Ledger;
  /** When a replica first decided to mark an instance. The mark may have failed, and the wait is counted all the same. */
  readonly #decidedAt = new Map<string, number>();
  /** When somebody else first marked an instance. */
  readonly #byHandAt = new Map<string, number>();
  /** The instances whose marks have been taken away in every round so far, by UID: since when, and how often. */
  readonly #stripped = new Map<string, { readonly since: number; readonly times: number }>();
  /** The instances that were reported as stalled. */
  readonly #stalled = new Set<string>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  decided(uid: string): void {
    if (!this.#decidedAt.has(uid)) this.#decidedAt.set(uid, this.#ledger.clock.now);
  }

  markedByHand(uid: string): void {
    if (!this.#byHandAt.has(uid)) this.#byHandAt.set(uid, this.#ledger.clock.now);
  }

  /** The hook has taken the mark back: the next one is the first of its instance. */
  withdrawn(uid: string): void {
    this.#decidedAt.delete(uid);
  }

  /** Whether a replica ever decided to mark the instance. */
  wasDecided(uid: string): boolean {
    return this.#decidedAt.has(uid);
  }

  /** Somebody has taken away every mark of the hook. `uids`: of the protected pods that had one. */
  stripped(uids: readonly string[]): void {
    for (const uid of this.#stripped.keys()) if (!uids.includes(uid)) this.#stripped.delete(uid);
    for (const uid of uids) {
      const { since, times } = this.#stripped.get(uid) ?? { since: this.#ledger.clock.now, times: 0 };
      this.#stripped.set(uid, { since, times: times + 1 });
    }
  }

  /** Whoever has waited for long although it was marked again and again must have been reported (m). */
  checkStripped(): void {
    const { clock } = this.#ledger;
    const dueMs = STALL_AFTER_MS + NOTICED_MS;
    for (const [uid, { since }] of this.#stripped) {
      if (clock.now - since >= dueMs && !this.#stalled.has(uid))
        this.#ledger.violate('m', `${uid} lost its marks for ${clock.now - since} ms, and is not reported as stalled`);
    }
  }

  checkEvent(event: JsonObject): void {
    const { reason, message, firstTimestamp, involvedObject } = event as Readonly<Record<string, string>> & {
      readonly involvedObject: { readonly uid: string };
    };
    const { clock } = this.#ledger;
    const now = EPOCH + clock.now;
    const at = Date.parse(firstTimestamp ?? '');
    if (at > now + OFF_MS || at < now - UNDER_WAY_MS)
      this.#ledger.violate('h', `the Event ${reason} is dated ${firstTimestamp} at ${new Date(now).toISOString()}`);
    if (reason === 'RescheduleStalled') this.#checkStalled(involvedObject.uid, message ?? '');
    // The times of a tenant's entry count, too.
    if (this.#ledger.forgeries.named(involvedObject.uid)) return;
    // Other causes have other times.
    if (!message?.includes(' was marked over ')) return;
    const times = [this.#decidedAt, this.#byHandAt].map((at) => at.get(involvedObject.uid));
    const markedAt = Math.min(...times.filter((at) => at !== undefined));
    if (reason === 'RescheduleStalled' && Number.isFinite(markedAt) && clock.now - markedAt < STALL_AFTER_MS - OFF_MS)
      this.#ledger.violate(
        'h',
        `${involvedObject.uid} is reported as stalled ${clock.now - markedAt} ms after it was marked`,
      );
  }

  /** A report of a pod that its operator has not moved says so if it was marked again (m). */
  #checkStalled(uid: string, message: string): void {
    this.#stalled.add(uid);
    const { times = 0 } = this.#stripped.get(uid) ?? {};
    const said = Number(/\bmarked (\d+) times /.exec(message)?.[1] ?? 0);
    if (times > 1 && message.includes('has not moved it') && said < times)
      this.#ledger.violate('m', `${uid} lost ${times} marks, and its report does not say so: ${message}`);
  }
}
