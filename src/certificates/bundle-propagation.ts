import { X509Certificate } from 'node:crypto';
import type { Clock } from '../async/clock.ts';
import { certificatesIn } from './pem.ts';
import type { SeenRegistration } from './stored-objects.ts';

/** Remembers since when the registration has carried which authority, as API servers learn of a change a little later. */
export class BundlePropagation {
  readonly #settleMs: number;
  readonly #clock: Pick<Clock, 'monotonicNow'>;
  #since = new Map<string, number>();

  constructor(settleMs: number, clock: Pick<Clock, 'monotonicNow'>) {
    this.#settleMs = settleMs;
    this.#clock = clock;
  }

  see(registration: SeenRegistration | undefined): void {
    const now = this.#clock.monotonicNow();
    const sets = (registration?.webhooks ?? []).map(
      ({ bundle }) => new Set(certificatesIn(bundle).map(({ fingerprint256 }) => fingerprint256)),
    );
    const [first = new Set<string>()] = sets;
    const carried = [...first].filter((one) => sets.every((set) => set.has(one)));
    this.#since = new Map(carried.map((one) => [one, this.#since.get(one) ?? now]));
  }

  /** Whether every webhook has carried it for so long that the API servers know. */
  isSettled(cert: string): boolean {
    return this.#leftMs(cert) <= 0;
  }

  /** Milliseconds until the next of these is settled; Infinity where none is on its way. */
  settledIn(certs: readonly string[]): number {
    return Math.min(Number.POSITIVE_INFINITY, ...certs.map((cert) => this.#leftMs(cert)).filter((left) => left > 0));
  }

  #leftMs(cert: string): number {
    const since = this.#since.get(new X509Certificate(cert).fingerprint256);
    return since === undefined ? Number.POSITIVE_INFINITY : since + this.#settleMs - this.#clock.monotonicNow();
  }
}
