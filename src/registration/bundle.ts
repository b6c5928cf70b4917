import type { Clock } from '../async/clock.ts';
import { certificatesIn, fingerprintsOf } from '../certificates/pem.ts';

/**
 * What a caBundle has to be. An authority that this replica does not know is kept for a while, as another replica may serve
 * by it. That is so when certificates come from somewhere else from now on, and not every replica has got them yet.
 */
export class Bundle {
  readonly #keepMs: number;
  readonly #clock: Pick<Clock, 'monotonicNow'>;
  /** Of unknown authorities by fingerprint: since when each has been there, on the monotonic clock. */
  #since = new Map<string, number>();

  constructor(keepMs: number, clock: Pick<Clock, 'monotonicNow'>) {
    this.#keepMs = keepMs;
    this.#clock = clock;
  }

  /**
   * The bundle (PEM) to put in the place of `stored`, with all of `needed`. `stored` itself if nothing is missing in it
   * and nothing is to go: the order alone is no reason to write.
   */
  wanted(stored: string, needed: string): string {
    const now = this.#clock.monotonicNow();
    const known = fingerprintsOf(needed);
    // Also what has ended: the clock that says so may be ahead.
    const strangers = certificatesIn(stored).filter(({ fingerprint256 }) => !known.has(fingerprint256));
    this.#since = new Map(strangers.map(({ fingerprint256: one }) => [one, this.#since.get(one) ?? now]));
    const isKept = (one: string) => now - (this.#since.get(one) ?? Number.NEGATIVE_INFINITY) < this.#keepMs;
    const kept = strangers.filter(({ fingerprint256 }) => isKept(fingerprint256));
    const all = [...certificatesIn(needed), ...kept].map((one) => one.toString()).join('');
    return isSame(fingerprintsOf(stored), fingerprintsOf(all)) && isClean(stored) ? stored : all;
  }
}

const isSame = (some: ReadonlySet<string>, others: ReadonlySet<string>) => some.symmetricDifference(others).size === 0;

/** Whether nothing but certificates is in it: an API server may refuse a bundle for what it cannot read. */
function isClean(pem: string): boolean {
  return pem.replaceAll(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g, '').trim() === '';
}
