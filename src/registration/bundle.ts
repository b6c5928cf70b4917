import type { X509Certificate } from 'node:crypto';
import type { Clock } from '../async/clock.ts';
import { atMost, certificatesIn, fingerprintsOf } from '../certificates/pem.ts';
import type { StoredBundle } from './registration.ts';

/** Authorities by which what is served, now or soon, is verified. */
export interface Needed {
  /** PEM; empty while nothing is known. */
  readonly needed: string;
  /** Whether they are all that this replica could know of now. If not, no other may go. */
  readonly isAll: boolean;
}

interface Stranger {
  /** Since when it has been there, on the monotonic clock. */
  readonly at: number;
  /** Whether a replica had written the bundle in which it was first seen. */
  readonly isOfReplica: boolean;
}

/**
 * What a caBundle has to be. An authority that this replica does not know is kept for a while, as another replica may serve
 * by it. That is so when certificates come from somewhere else from now on, and not every replica has got them yet.
 * Whoever else writes the bundle can fill it up. So only as many of those are kept as there is room for. What a replica has
 * written stays whatever its number, as that is what replicas serve by. If others have it overwritten before it is seen here,
 * its replica writes it again.
 */
export class Bundle {
  readonly #keepMs: number;
  readonly #clock: Pick<Clock, 'monotonicNow'>;
  /** Unknown authorities by fingerprint. */
  #strangers = new Map<string, Stranger>();
  #leftOut = 0;

  constructor(keepMs: number, clock: Pick<Clock, 'monotonicNow'>) {
    this.#keepMs = keepMs;
    this.#clock = clock;
  }

  /** How many there was no room for, when it was last asked what is wanted. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /**
   * The bundle (PEM) to put in the place of `stored`, with all of `needed`. `stored` itself if nothing is missing in it
   * and nothing is to go: the order alone is no reason to write. `isOfReplica`: whether a replica has written it.
   */
  wanted({ bundle: stored, isOfReplica }: StoredBundle, { needed, isAll }: Needed): string {
    const now = this.#clock.monotonicNow();
    const known = fingerprintsOf(needed);
    // Also what has ended: the clock that says so may be ahead.
    const unknown = certificatesIn(stored).filter(({ fingerprint256 }) => !known.has(fingerprint256));
    const seen = new Map(
      unknown.map((one) => [one, this.#strangers.get(one.fingerprint256) ?? { at: now, isOfReplica }] as const),
    );
    this.#strangers = new Map([...seen].map(([{ fingerprint256 }, stranger]) => [fingerprint256, stranger]));
    const kept = [...seen].filter(([, { at }]) => !isAll || now - at < this.#keepMs);
    const bounded = withinBound(kept);
    this.#leftOut = kept.length - bounded.length;
    const all = [...certificatesIn(needed), ...bounded].map((one) => one.toString()).join('');
    return isSame(fingerprintsOf(stored), fingerprintsOf(all)) && isClean(stored) ? stored : all;
  }
}

/** Those of replicas, and of the others those that came first. */
function withinBound(strangers: readonly (readonly [X509Certificate, Stranger])[]): X509Certificate[] {
  const inOrder = strangers.toSorted(([, a], [, b]) => Number(b.isOfReplica) - Number(a.isOfReplica) || a.at - b.at);
  const ofReplicas = inOrder.filter(([, { isOfReplica }]) => isOfReplica).map(([one]) => one);
  return [...new Set([...ofReplicas, ...atMost(inOrder.map(([one]) => one))])];
}

const isSame = (some: ReadonlySet<string>, others: ReadonlySet<string>) => some.symmetricDifference(others).size === 0;

/** Whether nothing but certificates is in it: an API server may refuse a bundle for what it cannot read. */
function isClean(pem: string): boolean {
  return pem.replaceAll(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g, '').trim() === '';
}
