import { decodeEntry, entryPod } from '../../../src/policy/entry.ts';
import type { Entry } from '../../../src/policy/model.ts';
import type { SimClock } from '../model/clock.ts';
import { SECOND } from '../model/installations.ts';
import type { SimTracker } from '../model/objects.ts';

const isHolding = ({ returns, installation }: Entry) => returns !== undefined || installation === SECOND;

/** What a tenant did to entries. */
export class Forgeries {
  /** The last entry of the hook that a tenant removed or overwrote, by key. */
  readonly displaced = new Map<string, string>();
  readonly #clock: SimClock;
  /** The present made-up value, by key. */
  readonly #values = new Map<string, string>();
  /** When a tenant last changed the entry of a key. */
  readonly #changedAt = new Map<string, number>();
  /** The instances that made-up entries have named. */
  readonly #named = new Set<string>();

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  add(key: string, { before, value }: { before: string | undefined; value: string | undefined }): void {
    if (before !== undefined && this.#values.get(key) !== before) this.displaced.set(key, before);
    this.#changedAt.set(key, this.#clock.now);
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    this.#named.add(decodeEntry(value ?? '').uid ?? '');
  }

  /** Whether the entry of a key is made up. */
  has({ annotations }: SimTracker, key: string): boolean {
    return annotations[key] !== undefined && annotations[key] === this.#values.get(key);
  }

  /** When a tenant last changed the entry of a key; -1 if never. */
  changedAt(key: string): number {
    return this.#changedAt.get(key) ?? -1;
  }

  /** Whether a made-up entry ever named the instance. */
  named(uid: string): boolean {
    return this.#named.has(uid);
  }

  /** The keys of made-up entries that keep drains waiting for as long as they stay. */
  holding(tracker: SimTracker): string[] {
    return Object.entries(tracker.annotations)
      .filter(([key, value]) => this.has(tracker, key) && entryPod(key, value) !== undefined)
      .filter(([, value]) => isHolding(decodeEntry(value)))
      .map(([key]) => key);
  }
}
