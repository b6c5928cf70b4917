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

/** The same bundle is read again and again, and whoever may write it can put a thousand of them there. */
const READ = new Map<string, X509Certificate | undefined>();
const MOST_READ = 1_000;
/** A certificate has some 2 KB. What is longer is read each time. */
const MOST_LENGTH = 16 * 1024;

function tryRead(pem: string): X509Certificate | undefined {
  if (pem.length > MOST_LENGTH) return parsed(pem);
  if (READ.size >= MOST_READ) READ.clear();
  // A copy: a part of a text keeps all of that text in memory.
  if (!READ.has(pem)) READ.set(Buffer.from(pem).toString(), parsed(pem));
  return READ.get(pem);
}

function parsed(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** A trust store of the web has some 150. A Secret, which holds each twice, takes 1 MiB. */
const MOST = { count: 200, bytes: 256 * 1024 };

/** As many of these as are kept of others' authorities in one place: the first 200, and no more than 256 KiB of PEM. */
export function atMost(all: readonly X509Certificate[]): X509Certificate[] {
  let bytes = 0;
  return all.slice(0, MOST.count).filter((one) => {
    bytes += one.toString().length;
    return bytes <= MOST.bytes;
  });
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

/** Version 1 has no extensions that would say whether it may sign: it may. */
function isSignedByOld(certificate: X509Certificate, authority: X509Certificate): boolean {
  const isOld = () => authority.raw[contentAt(authority.raw, contentAt(authority.raw, 0))] !== VERSION_TAG;
  return isOld() && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

/** Only versions after the first are written out; there the first field is the version, else the serial number. */
const VERSION_TAG = 0xa0;

/** Where the content of the DER element begins that is at this place. */
function contentAt(der: Buffer, at: number): number {
  const length = der[at + 1] ?? 0;
  return at + 2 + (length < 0x80 ? 0 : length & 0x7f);
}

/** A server's certificate, or any; one that names no usage is for any. */
const FOR_SERVERS: readonly string[] = ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0'];
/** The subject's name does not count, nor does a part of a label that is left open. */
const AS_GO_DOES = { subject: 'never', partialWildcards: false } as const;

/**
 * Whether an API server, or another client in Go, takes this certificate if it trusts only `bundle` and asks for `host`. Both
 * are PEM. Those between the certificate and the authority follow it.
 */
export function isTrusted(certificate: string, bundle: string, host: string, now: number): boolean {
  const isUsable = (one: X509Certificate) =>
    isValidAt(one, now) && (one.keyUsage?.some((usage) => FOR_SERVERS.includes(usage)) ?? true);
  const [serving, ...between] = certificatesIn(certificate);
  if (serving === undefined || !isUsable(serving) || serving.checkHost(host, AS_GO_DOES) === undefined) return false;
  const trusted = certificatesIn(bundle).filter(isUsable);
  // What is in the bundle itself needs nobody's signature.
  if (trusted.some(({ fingerprint256 }) => fingerprint256 === serving.fingerprint256)) return true;
  let last = serving;
  for (;;) {
    const signed = last;
    if (trusted.some((one) => isSignedBy(signed, one) || isSignedByOld(signed, one))) return true;
    const next = between.findIndex((one) => isUsable(one) && isSignedBy(signed, one));
    if (next < 0) return false;
    [last] = between.splice(next, 1) as [X509Certificate];
  }
}

/** The end of the first certificate of a PEM text, epoch milliseconds. Throws where there is none. */
export function expiryOf(pem: string): number {
  return new X509Certificate(pem).validToDate.getTime();
}
