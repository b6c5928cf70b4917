import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../async/clock.ts';
import { describeError } from '../kube/errors.ts';
import { LOG, type Log } from '../log/messages.ts';
import type { CertificateSource, Pair } from './certificate-source.ts';
import { readSetting, watchFiles } from './file-watch.ts';
import { expiryOf } from './pem.ts';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Certificate and key from files that somebody else renews. It never looks at the registration. Throws as loadPair does. */
export async function openFiles(
  files: CertificateFiles,
  log: Log,
  clock: Pick<Clock, 'setTimer'>,
): Promise<CertificateSource> {
  let current = await loadPair(files);
  let end = () => {};
  return {
    current: () => current,
    start(onChange) {
      end = watchFiles({
        clock,
        load: () => loadPair(files),
        loaded: current,
        isSame: (a, b) => a.cert === b.cert && a.key === b.key,
        onChange(next) {
          onChange(next);
          current = next;
          log.info(LOG.certificateLoaded, { expires: new Date(expiryOf(next.cert)).toISOString() });
        },
        onProblem: (error) => log.warn(LOG.certificateFailed, { error }),
      });
    },
    async stop() {
      end();
    },
    notReady: () => undefined,
    expiries: () => [{ certificate: 'serving', at: expiryOf(current.cert) }],
  };
}

/** Reads and checks a certificate and its key. Throws an Error that says which file is wrong, and how. */
export async function loadPair({ certFile, keyFile }: CertificateFiles): Promise<Pair> {
  const files = await Promise.allSettled([
    readSetting('TLS_CERT_FILE', certFile),
    readSetting('TLS_KEY_FILE', keyFile),
  ]);
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
