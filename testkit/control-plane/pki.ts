/** The keys, certificates and tokens of one control plane, new for each. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from '../certificates.ts';

/** The users that authenticate with a static token. RBAC's bootstrap roles know their names and groups. */
export const users = {
  admin: { user: 'admin', groups: 'system:masters' },
  hook: { user: 'reschedule-hook', groups: 'system:masters' },
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

/** Makes all files and writes them into the folder, private ones with mode 0600. */
export async function makePki(dir: string): Promise<Pki> {
  const authority = await createAuthority('test control plane CA');
  const hosts = ['127.0.0.1', 'localhost', 'kubernetes.default.svc'];
  const serving = await authority.issue({ name: 'kube-apiserver', hosts });

  const tokens: Record<User, string> = {
    admin: newToken(),
    hook: newToken(),
    kubelet: newToken(),
    scheduler: newToken(),
    controllerManager: newToken(),
  };
  const serviceAccount = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const caData = authority.ca;
  return {
    caData,
    tokens,
    files: {
      ca: write('ca.crt', caData),
      servingCert: write('apiserver.crt', serving.cert),
      servingKey: write('apiserver.key', serving.key),
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

/** "EC PRIVATE KEY": the API server takes public keys for tokens from this format, but not from PKCS #8. */
function ecPem(key: KeyObject): string {
  return key.export({ type: 'sec1', format: 'pem' }) as string;
}

function newToken(): string {
  return randomBytes(24).toString('base64url');
}
