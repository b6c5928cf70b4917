import { X509Certificate } from 'node:crypto';
import type { Pair } from './certificate-source.ts';
import { atMost, certificatesIn, fingerprintsOf, isOver } from './pem.ts';

/** The authorities of the hook, which its replicas share in a Secret. The registration's bundle is all of them. */
export interface Authorities {
  /** Signs what the replicas serve. */
  readonly signing: Pair;
  /** Signs nothing before the registration carries it. */
  readonly next?: Pair;
  /** Sign no more; in the bundle for as long as something they signed may be served. */
  readonly retired: readonly Retired[];
}

export interface Retired {
  readonly cert: string;
  /** Epoch milliseconds. */
  readonly until: number;
}

/** What the registration has to carry: PEM, always in the same order. */
export function bundleOf({ signing, next, retired }: Authorities): string {
  const all = [signing.cert, next?.cert ?? '', ...retired.map(({ cert }) => cert)];
  return certificatesIn(all.join('\n'))
    .map((certificate) => certificate.toString())
    .join('');
}

/** What is to be done about the authorities; `replace`: at once, without an overlap of two that sign. */
export type Step =
  | { readonly kind: 'keep' }
  | { readonly kind: 'introduce' }
  | { readonly kind: 'replace'; readonly why: string }
  | { readonly kind: 'write'; readonly change: 'promoted' | 'tidied'; readonly authorities: Authorities };

export interface StepOptions {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly caLifetimeMs: number;
  readonly servingLifetimeMs: number;
  /** Whether the registration has carried `next` for so long that the API servers know it. */
  readonly isNextSettled: boolean;
}

/** Renews when a third of the lifetime is left. */
export function planAuthorities(authorities: Authorities, options: StepOptions): Step {
  const { now, caLifetimeMs, isNextSettled } = options;
  const { signing, next } = authorities;
  // One that is not valid yet stays: a replica whose clock is behind would replace it, and the others its own, without end.
  const isUsable = (pair: Pair | undefined) => pair !== undefined && !isOver(new X509Certificate(pair.cert), now);
  if (isUsable(next) && (isNextSettled || !isUsable(signing))) return promote(authorities, options);
  if (!isUsable(signing)) return { kind: 'replace', why: 'it is not valid any more' };
  const endsAt = new X509Certificate(signing.cert).validToDate.getTime();
  if (!isUsable(next) && endsAt - now < caLifetimeMs / 3) return { kind: 'introduce' };
  return tidy(authorities, now);
}

function promote({ signing, next, retired }: Authorities, { now, servingLifetimeMs }: StepOptions): Step {
  const until = now + servingLifetimeMs;
  const authorities = { signing: next as Pair, retired: [{ cert: signing.cert, until }, ...retired] };
  return { kind: 'write', change: 'promoted', authorities };
}

function tidy(authorities: Authorities, now: number): Step {
  const isNeeded = ({ cert, until }: Retired) => now < until && !isOver(new X509Certificate(cert), now);
  const retired = authorities.retired.filter(isNeeded);
  if (retired.length === authorities.retired.length) return { kind: 'keep' };
  return { kind: 'write', change: 'tidied', authorities: { ...authorities, retired } };
}

/**
 * The authorities of a PEM text that have not ended and are not among these, to be kept for an overlap. No more than there is
 * room for beside those.
 */
export function strangersIn(pem: string, known: string, now: number): string[] {
  const own = fingerprintsOf(known);
  const strangers = certificatesIn(pem).filter((one) => one.ca && !isOver(one, now) && !own.has(one.fingerprint256));
  return atMost([...certificatesIn(known), ...strangers])
    .filter(({ fingerprint256 }) => !own.has(fingerprint256))
    .map((one) => one.toString());
}
