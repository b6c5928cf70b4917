import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../async/clock.ts';
import { describeError } from '../kube/errors.ts';
import { LOG, type Log } from '../log/messages.ts';
import type { CertificateSource, Pair } from './certificate-source.ts';
import { readSetting, watchFiles } from './file-watch.ts';
import { certificatesIn, expiryOf, isTrusted } from './pem.ts';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Of the authorities that verify the certificate. Absent where the hook need not know them. */
  readonly ca?: { readonly file: string; readonly host: string };
}

/** What the files have. */
export interface LoadedFiles extends Pair {
  /** PEM of the authorities; empty where the hook need not know them. */
  readonly authorities: string;
}

/** Certificate and key from files that somebody else renews. It never looks at the registration. Throws as loadPair does. */
export async function openFiles(
  files: CertificateFiles,
  log: Log,
  clock: Pick<Clock, 'setTimer' | 'now'>,
): Promise<CertificateSource> {
  let current = await loadPair(files, clock.now());
  let end = () => {};
  return {
    current: () => current,
    start(onChange) {
      end = watchPair(files, current, log, clock, (next) => {
        onChange(next);
        current = next;
        log.info(LOG.certificateLoaded, { expires: new Date(expiryOf(next.cert)).toISOString() });
      });
    },
    async stop() {
      end();
    },
    notReady: () => undefined,
    expiries: () => [{ certificate: 'serving', at: expiryOf(current.cert) }],
    registration: () => undefined,
  };
}

/** Calls `onChange` whenever the files have something else that works together. Returns a function that ends it. */
export function watchPair(
  files: CertificateFiles,
  loaded: LoadedFiles,
  log: Log,
  clock: Pick<Clock, 'setTimer' | 'now'>,
  onChange: (next: LoadedFiles) => void,
): () => void {
  return watchFiles({
    clock,
    load: () => loadPair(files, clock.now()),
    loaded,
    isSame: (a, b) => a.cert === b.cert && a.key === b.key && a.authorities === b.authorities,
    onChange,
    onProblem: (error) => log.warn(LOG.certificateFailed, { error }),
  });
}

/**
 * Reads and checks a certificate, its key and its authorities. `now` in epoch milliseconds. Throws an Error that says which
 * file is wrong, and how. They are read again before that: a mounted Secret may have been swapped between two of its files.
 */
export async function loadPair(files: CertificateFiles, now: number): Promise<LoadedFiles> {
  try {
    return await loadOnce(files, now);
  } catch {
    return loadOnce(files, now);
  }
}

async function loadOnce({ certFile, keyFile, ca }: CertificateFiles, now: number): Promise<LoadedFiles> {
  const files = await Promise.allSettled([
    readSetting('TLS_CERT_FILE', certFile),
    readSetting('TLS_KEY_FILE', keyFile),
    ca === undefined ? '' : readSetting('TLS_CA_FILE', ca.file),
  ]);
  const problems = files.flatMap((file) => (file.status === 'rejected' ? describeError(file.reason) : []));
  if (problems.length > 0) throw new Error(problems.join('; '));
  const [cert = '', key = '', authorities = ''] = files.map((file) => (file.status === 'fulfilled' ? file.value : ''));
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
  if (ca !== undefined) checkAuthorities(cert, authorities, certFile, ca, now);
  return { cert, key, authorities };
}

/** The API server would refuse every answer. A certificate that has ended is no reason not to start: the file may be renewed. */
function checkAuthorities(
  cert: string,
  authorities: string,
  certFile: string,
  { file, host }: { readonly file: string; readonly host: string },
  now: number,
): void {
  if (certificatesIn(authorities).length === 0) throw new Error(`TLS_CA_FILE ${file} has no certificate, PEM`);
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const when = Math.min(Math.max(now, validFromDate.getTime()), validToDate.getTime() - 1);
  if (isTrusted(cert, authorities, host, when)) return;
  throw new Error(`TLS_CA_FILE ${file} does not verify TLS_CERT_FILE ${certFile} for ${host}, by which it is called`);
}
