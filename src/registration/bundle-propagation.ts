import { X509Certificate } from 'node:crypto';
import type { Clock } from '../async/clock.ts';
import { fingerprintsOf } from '../certificates/pem.ts';
import type { ObservedRegistration } from './registration.ts';

/** Remembers since when the registration has carried which authority, as API servers learn of a change a little later. */
export class BundlePropagation {
  readonly #settleMs: number;
  readonly #clock: Pick<Clock, 'monotonicNow'>;
  /** By fingerprint: those that every webhook has carried at each observation since. */
  #publishedAt = new Map<string, number>();

  constructor(settleMs: number, clock: Pick<Clock, 'monotonicNow'>) {
    this.#settleMs = settleMs;
    this.#clock = clock;
  }

  /** Takes note of what the registration carries now. To be called for every read of it. */
  record(registration: ObservedRegistration | undefined): void {
    const now = this.#clock.monotonicNow();
    const sets = (registration?.own ?? []).map(({ bundle }) => fingerprintsOf(bundle));
    const [first = new Set<string>()] = sets;
    const inEvery = [...first].filter((one) => sets.every((set) => set.has(one)));
    this.#publishedAt = new Map(inEvery.map((one) => [one, this.#publishedAt.get(one) ?? now]));
  }

  /** Whether every webhook carries it. */
  isPublished(cert: string): boolean {
    return this.#leftMs(cert) < Number.POSITIVE_INFINITY;
  }

  /** Whether every webhook has carried it for so long that the API servers know. */
  isSettled(cert: string): boolean {
    return this.#leftMs(cert) <= 0;
  }

  /** Milliseconds until the next of these is settled; Infinity if none is on its way. */
  settledIn(certs: readonly string[]): number {
    return Math.min(Number.POSITIVE_INFINITY, ...certs.map((cert) => this.#leftMs(cert)).filter((left) => left > 0));
  }

  #leftMs(cert: string): number {
    const at = this.#publishedAt.get(new X509Certificate(cert).fingerprint256);
    return at === undefined ? Number.POSITIVE_INFINITY : at + this.#settleMs - this.#clock.monotonicNow();
  }
}
