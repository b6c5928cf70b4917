import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pair } from '../src/certificates/certificate-source.ts';
import * as x509 from '../src/certificates/issuing.ts';

const VALID_FOR_MS = 30 * 24 * 3_600_000;

/** PEM texts of a serving certificate and its key. */
export type Serving = Pair;

export interface ServingFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface IssueOptions extends Partial<x509.Validity> {
  /** DNS names and IP addresses. Default: localhost and 127.0.0.1; none for a client. */
  readonly hosts?: readonly string[];
  /** Default: reschedule-hook-server. */
  readonly name?: string;
  /** Default: server. */
  readonly usage?: 'server' | 'client';
}

/** A certificate authority that exists only in memory. */
export interface Authority {
  /** PEM of its own certificate. */
  readonly ca: string;
  /** The same in Base64, for `clientConfig.caBundle`. */
  readonly caBundle: string;
  issue(options?: IssueOptions): Promise<Serving>;
}

export async function createAuthority(name = 'rehearsal CA'): Promise<Authority> {
  const pair = await x509.createAuthority(name, validity({}));
  return {
    ca: pair.cert,
    caBundle: Buffer.from(pair.cert).toString('base64'),
    issue: (options = {}) => {
      const { name: subject = 'reschedule-hook-server', usage = 'server' } = options;
      const hosts = options.hosts ?? (usage === 'server' ? ['localhost', '127.0.0.1'] : []);
      return x509.issue(pair, { name: subject, usage, hosts, ...validity(options) });
    },
  };
}

/**
 * Writes tls.crt and tls.key into a folder, and ca.crt if it is given. Each file appears whole or not at all, because a running hook may watch
 * them.
 */
export async function writeServing(dir: string, serving: Serving, ca?: string): Promise<ServingFiles> {
  await mkdir(dir, { recursive: true });
  const files = { certFile: join(dir, 'tls.crt'), keyFile: join(dir, 'tls.key') };
  if (ca !== undefined) await replaceFile(join(dir, 'ca.crt'), ca);
  await replaceFile(files.keyFile, serving.key);
  await replaceFile(files.certFile, serving.cert);
  return files;
}

async function replaceFile(path: string, content: string): Promise<void> {
  const beside = `${path}.new`;
  await writeFile(beside, content, { mode: 0o600 });
  await rename(beside, path);
}

function validity({ notBefore, notAfter }: Partial<x509.Validity>): x509.Validity {
  return {
    // A minute earlier, because a clock may be a little behind.
    notBefore: notBefore ?? new Date(Date.now() - 60_000),
    notAfter: notAfter ?? new Date(Date.now() + VALID_FOR_MS),
  };
}
