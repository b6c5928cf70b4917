import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { Pair } from './certificate-source.ts';

/** This file alone knows the X.509 library, which costs memory: it is loaded only where something is to be signed. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface IssueOptions extends Validity {
  /** The common name. */
  readonly name: string;
  /** DNS names and IP addresses; none for a client. */
  readonly hosts?: readonly string[];
  readonly usage: 'server' | 'client';
}

/** Makes a certificate authority: its own certificate and key as PEM. */
export async function createAuthority(name: string, validity: Validity): Promise<Pair> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    ...validity,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return toPair(certificate, keys);
}

/** Makes a key and signs a certificate for it. Throws where the authority cannot be read. */
export async function issue(authority: Pair, options: IssueOptions): Promise<Pair> {
  const { name, hosts = [], usage, notBefore, notAfter } = options;
  const { subjectName, publicKey } = new x509.X509Certificate(authority.cert);
  const signingKey = await privateKeyOf(authority);
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [name] }],
    issuer: subjectName.toJSON(),
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[`${usage}Auth`]]),
      ...(hosts.length === 0 ? [] : [alternativeNames(hosts)]),
      await x509.AuthorityKeyIdentifierExtension.create(await publicKey.export()),
    ],
  });
  return toPair(certificate, keys);
}

function alternativeNames(hosts: readonly string[]): x509.SubjectAlternativeNameExtension {
  return new x509.SubjectAlternativeNameExtension(
    hosts.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
  );
}

async function privateKeyOf({ key }: Pair): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(key);
  if (der === undefined) throw new Error('there is no private key');
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}

async function toPair(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<Pair> {
  const exported = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: `${certificate.toString('pem')}\n`, key: `${x509.PemConverter.encode(exported, 'PRIVATE KEY')}\n` };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

/** Positive, and without a leading zero byte, as DER wants an integer. */
function serialNumber(): string {
  return `5${randomBytes(16).toString('hex').slice(1)}`;
}
