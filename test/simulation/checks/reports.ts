import type { JsonObject } from '../../../src/kube/client.ts';
import { EPOCH } from '../model/objects.ts';
import { settingsOf } from '../runs/variant.ts';
import type { Ledger } from './ledger.ts';

/** How far the hook may be off: what the `Date` of a response leaves open. */
const OFF_MS = 5_000;
/** How long an Event may be on its way. */
const UNDER_WAY_MS = 120_000;

/** Checks that what the hook reports of time is true by the API server's clock (h). */
export class Reports {
  readonly #ledger: Ledger;
  /** When a replica first decided to mark an instance. The mark may have failed, and the wait is counted all the same. */
  readonly #decidedAt = new Map<string, number>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  decided(uid: string): void {
    if (!this.#decidedAt.has(uid)) this.#decidedAt.set(uid, this.#ledger.clock.now);
  }

  checkEvent(event: JsonObject): void {
    const { reason, message, firstTimestamp, involvedObject } = event as Readonly<Record<string, string>> & {
      readonly involvedObject: { readonly uid: string };
    };
    const { clock, variant } = this.#ledger;
    const now = EPOCH + clock.now;
    const at = Date.parse(firstTimestamp ?? '');
    if (at > now + OFF_MS || at < now - UNDER_WAY_MS)
      this.#ledger.violate('h', `the Event ${reason} is dated ${firstTimestamp} at ${new Date(now).toISOString()}`);
    // The times of a tenant's entry count, too.
    if (this.#ledger.forgeries.named(involvedObject.uid)) return;
    if (/came back|cannot be scheduled/.test(message ?? '')) return;
    const decidedAt = this.#decidedAt.get(involvedObject.uid);
    const { stallAfterMs } = settingsOf(variant).profile;
    if (reason === 'RescheduleStalled' && decidedAt !== undefined && clock.now - decidedAt < stallAfterMs - OFF_MS)
      this.#ledger.violate(
        'h',
        `${involvedObject.uid} is reported as stalled ${clock.now - decidedAt} ms after it was decided to mark it`,
      );
  }
}
