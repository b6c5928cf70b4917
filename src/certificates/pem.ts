import { X509Certificate } from 'node:crypto';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, each once. What cannot be read is left out. */
export function certificatesIn(pem: string): X509Certificate[] {
  const found = new Map<string, X509Certificate>();
  for (const [block] of pem.matchAll(BLOCK)) {
    const certificate = tryRead(block);
    if (certificate !== undefined) found.set(certificate.fingerprint256, certificate);
  }
  return [...found.values()];
}

/** By these two certificates are the same. */
export function fingerprintsOf(pem: string): ReadonlySet<string> {
  return new Set(certificatesIn(pem).map(({ fingerprint256 }) => fingerprint256));
}

function tryRead(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** Whether it has ended, `now` in epoch milliseconds. One that is not valid yet has not: the clock that says so may be behind. */
export function isOver({ validToDate }: X509Certificate, now: number): boolean {
  return validToDate.getTime() <= now;
}

/** `now` in epoch milliseconds. */
export function isValidAt({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validFromDate.getTime() <= now && now < validToDate.getTime();
}

export function isSignedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

/**
 * Whether a client that trusts only `bundle` (PEM) and asks for `host` takes this certificate (PEM, with those between it
 * and the authority after it).
 */
export function isTrusted(certificate: string, bundle: string, host: string, now: number): boolean {
  const [serving, ...between] = certificatesIn(certificate);
  if (serving === undefined || !isValidAt(serving, now) || serving.checkHost(host) === undefined) return false;
  const trusted = certificatesIn(bundle).filter((authority) => isValidAt(authority, now));
  let last = serving;
  for (;;) {
    const signed = last;
    if (trusted.some((one) => isSignedBy(signed, one))) return true;
    const next = between.findIndex((one) => isValidAt(one, now) && isSignedBy(signed, one));
    if (next < 0) return false;
    [last] = between.splice(next, 1) as [X509Certificate];
  }
}

/** The end of the first certificate of a PEM text, epoch milliseconds. Throws where there is none. */
export function expiryOf(pem: string): number {
  return new X509Certificate(pem).validToDate.getTime();
}
