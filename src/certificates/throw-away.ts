import { hostname, networkInterfaces } from 'node:os';
import type { CertificateSource, Pair } from './certificate-source.ts';
import { createAuthority, issue } from './issuing.ts';
import { expiryOf } from './pem.ts';

/** A certificate that exists only in this process, for whoever tries the hook outside a cluster. */
export interface ThrowAway {
  readonly source: CertificateSource;
  /** PEM of the authority that has signed it. */
  readonly ca: string;
  /** The names and addresses that it is for. */
  readonly hosts: readonly string[];
}

/** Longer than anybody leaves a terminal open. */
const VALID_FOR_MS = 30 * 24 * 3_600_000;
/** A clock may be a little behind. */
const BEGAN_MS = 60_000;

/** Makes an authority and one certificate, for loopback and for whatever this machine is reached by. */
export async function makeThrowAway(now: number): Promise<ThrowAway> {
  const validity = { notBefore: new Date(now - BEGAN_MS), notAfter: new Date(now + VALID_FOR_MS) };
  const authority = await createAuthority('reschedule hook, throw-away', validity);
  const hosts = [...new Set(['127.0.0.1', 'localhost', hostname(), ...addresses()])];
  const pair = await issue(authority, { ...validity, name: 'reschedule-hook-server', hosts, usage: 'server' });
  return { source: fixed(pair), ca: authority.cert, hosts };
}

/** Of this machine; a link-local address needs its interface, too, and nobody calls by it. */
function addresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.filter(({ internal, address }) => !internal && !address.startsWith('fe80')).map(({ address }) => address);
}

function fixed(pair: Pair): CertificateSource {
  return {
    current: () => pair,
    start: () => undefined,
    stop: () => Promise.resolve(),
    notReady: () => undefined,
    expiries: () => [{ certificate: 'serving', at: expiryOf(pair.cert) }],
    registration: () => undefined,
  };
}
