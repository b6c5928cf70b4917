/** Keys, certificates and tokens of one control plane, made anew for each. */
import 'reflect-metadata';
import { generateKeyPairSync, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const validForMs = 30 * 24 * 3_600_000;

/** The users that authenticate with a static token, by the groups and names RBAC's bootstrap roles know. */
const users = {
  admin: { user: 'admin', groups: 'system:masters' },
  kubelet: { user: 'fake-kubelet', groups: 'system:masters' },
  scheduler: { user: 'system:kube-scheduler', groups: '' },
  controllerManager: { user: 'system:kube-controller-manager', groups: '' },
} as const;

export type User = keyof typeof users;

export interface Pki {
  /** PEM of the certificate authority that signed the API server's certificate. */
  readonly caData: string;
  readonly tokens: Readonly<Record<User, string>>;
  readonly files: {
    readonly ca: string;
    readonly servingCert: string;
    readonly servingKey: string;
    readonly tokens: string;
    readonly serviceAccountKey: string;
  };
}

/** Makes everything and writes it into the folder, private files with mode 0600. */
export async function makePki(dir: string): Promise<Pki> {
  const notBefore = new Date(Date.now() - 60_000);
  const notAfter = new Date(Date.now() + validForMs);

  const caKeys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=test control plane CA',
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });

  const servingKeys = await newKeys();
  const serving = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=kube-apiserver',
    issuer: ca.subject,
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    publicKey: servingKeys.publicKey,
    signingKey: caKeys.privateKey,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
        { type: 'dns', value: 'kubernetes.default.svc' },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });

  const tokens: Record<User, string> = {
    admin: newToken(),
    kubelet: newToken(),
    scheduler: newToken(),
    controllerManager: newToken(),
  };
  const serviceAccount = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const caData = ca.toString('pem');
  return {
    caData,
    tokens,
    files: {
      ca: write('ca.crt', caData),
      servingCert: write('apiserver.crt', serving.toString('pem')),
      servingKey: write('apiserver.key', ecPem(KeyObject.from(servingKeys.privateKey))),
      tokens: write('tokens.csv', tokenFile(tokens)),
      serviceAccountKey: write('service-account.key', ecPem(serviceAccount)),
    },
  };

  function write(name: string, content: string): string {
    const path = join(dir, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }
}

/** Text of a kubeconfig for one user. */
export function kubeconfig(server: string, caData: string, token: string): string {
  return `apiVersion: v1
kind: Config
clusters:
  - name: test
    cluster:
      server: ${server}
      certificate-authority-data: ${Buffer.from(caData).toString('base64')}
users:
  - name: test
    user:
      token: ${token}
contexts:
  - name: test
    context:
      cluster: test
      user: test
current-context: test
`;
}

/** Lines of token,user,uid,"groups", as --token-auth-file reads them. */
function tokenFile(tokens: Record<User, string>): string {
  const lines = Object.entries(users).map(
    ([key, { user, groups }]) => `${tokens[key as User]},${user},${user},"${groups}"`,
  );
  return `${lines.join('\n')}\n`;
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

/** "EC PRIVATE KEY": the API server takes public keys for tokens from that, but not from PKCS #8. */
function ecPem(key: KeyObject): string {
  return key.export({ type: 'sec1', format: 'pem' }) as string;
}

/** Positive and without a leading zero byte, as DER wants an integer. */
function serialNumber(): string {
  return `4${randomBytes(8).toString('hex').slice(1)}`;
}

function newToken(): string {
  return randomBytes(24).toString('base64url');
}
