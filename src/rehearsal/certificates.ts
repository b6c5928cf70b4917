import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3_600_000;

/** PEM texts of a serving certificate and its key. */
export interface Serving {
  readonly cert: string;
  readonly key: string;
}

export interface ServingFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface IssueOptions {
  /** DNS names and IP addresses. Default: localhost and 127.0.0.1. */
  readonly hosts?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A certificate authority that lives in memory for as long as a rehearsal does. */
export interface Authority {
  /** PEM of its own certificate. */
  readonly ca: string;
  /** The same, as `clientConfig.caBundle` wants it. */
  readonly caBundle: string;
  issue(options?: IssueOptions): Promise<Serving>;
}

export async function createAuthority(): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=rehearsal CA',
    ...validity({}),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const ca = certificate.toString('pem');
  return {
    ca,
    caBundle: Buffer.from(ca).toString('base64'),
    issue: (options = {}) => issue(certificate, keys, options),
  };
}

async function issue(
  authority: x509.X509Certificate,
  authorityKeys: webcrypto.CryptoKeyPair,
  options: IssueOptions,
): Promise<Serving> {
  const keys = await newKeys();
  const hosts = options.hosts ?? ['localhost', '127.0.0.1'];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=reschedule-hook-server',
    issuer: authority.subject,
    ...validity(options),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  });
  const exported = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(exported, 'PRIVATE KEY') };
}

/** Writes tls.crt and tls.key into a folder, each one whole or not at all, so that a running hook may be watching them. */
export async function writeServing(dir: string, serving: Serving): Promise<ServingFiles> {
  await mkdir(dir, { recursive: true });
  const files = { certFile: join(dir, 'tls.crt'), keyFile: join(dir, 'tls.key') };
  await replaceFile(files.keyFile, serving.key);
  await replaceFile(files.certFile, serving.cert);
  return files;
}

async function replaceFile(path: string, content: string): Promise<void> {
  const beside = `${path}.new`;
  await writeFile(beside, content, { mode: 0o600 });
  await rename(beside, path);
}

function validity({ notBefore, notAfter }: IssueOptions): { notBefore: Date; notAfter: Date } {
  return {
    // A minute back, for a clock that is a little behind.
    notBefore: notBefore ?? new Date(Date.now() - 60_000),
    notAfter: notAfter ?? new Date(Date.now() + DAY_MS),
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

/** Positive, and without a leading zero byte, as DER wants an integer. */
function serialNumber(): string {
  return `5${randomBytes(8).toString('hex').slice(1)}`;
}
