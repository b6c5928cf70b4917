import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { describeError } from '../kube/errors.ts';
import { LOG, type Log } from '../logs.ts';
import type { ServingCertificate } from './server.ts';

const LOOK_EVERY_MS = 5_000;

/** Reads and checks a certificate and its key. Throws an Error that says which file is wrong, and how. */
export async function loadCertificate(certFile: string, keyFile: string): Promise<ServingCertificate> {
  const files = await Promise.allSettled([read('TLS_CERT_FILE', certFile), read('TLS_KEY_FILE', keyFile)]);
  const problems = files.flatMap((file) => (file.status === 'rejected' ? describeError(file.reason) : []));
  if (problems.length > 0) throw new Error(problems.join('; '));
  const [cert = '', key = ''] = files.map((file) => (file.status === 'fulfilled' ? file.value : ''));
  try {
    // An empty file is no error to createSecureContext; it would serve without a certificate.
    new X509Certificate(cert);
    createPrivateKey(key);
    createSecureContext({ cert, key });
  } catch (error) {
    throw new Error(
      `TLS_CERT_FILE ${certFile} and TLS_KEY_FILE ${keyFile} do not work together: ${describeError(error)}`,
    );
  }
  return { cert, key };
}

/**
 * Looks every few seconds whether the files have changed, and hands on a new pair once both fit together. The content is
 * compared, not the time: a mounted Secret is swapped through symbolic links. Returns a function that ends it.
 */
export function watchCertificate(
  files: { readonly certFile: string; readonly keyFile: string },
  loaded: ServingCertificate,
  log: Log,
  onChange: (certificate: ServingCertificate) => void,
): () => void {
  let current = loaded;
  let lastProblem = '';
  const look = async () => {
    try {
      const next = await loadCertificate(files.certFile, files.keyFile);
      lastProblem = '';
      if (`${next.cert}` === `${current.cert}` && `${next.key}` === `${current.key}`) return;
      onChange(next);
      current = next;
      log.info(LOG.certificateLoaded, { expires: expiryOf(next) });
    } catch (error) {
      const problem = describeError(error);
      if (problem !== lastProblem) log.warn(LOG.certificateFailed, { error: problem });
      lastProblem = problem;
    }
  };
  let isLooking = false;
  // A slow disk must not have two looks at a time.
  const timer = setInterval(async () => {
    if (isLooking) return;
    isLooking = true;
    await look();
    isLooking = false;
  }, LOOK_EVERY_MS);
  return () => clearInterval(timer);
}

/** The end of a certificate's validity, as an ISO date. */
export function expiryOf({ cert }: ServingCertificate): string {
  return new X509Certificate(cert).validToDate.toISOString();
}

async function read(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf-8');
  } catch (error) {
    throw new Error(`${setting}: cannot read ${file}: ${describeError(error)}`);
  }
}
