import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { LOG, type Log } from '../logs.ts';
import { certificatesIn, isSignedBy } from './bundle.ts';
import type { Expiry } from './source.ts';
import { readSetting, watchFiles } from './watch-files.ts';

/** Who may ask for reviews: clients with a certificate of these authorities. */
export interface ClientCa {
  /** PEM of the authorities. */
  current(): string;
  /** From now on; `onChange` is called after each change. */
  start(onChange: () => void): void;
  stop(): void;
  expiries(): readonly Expiry[];
}

/** Why a request is refused, and how. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly error: string;
}

export async function openClientCa(file: string, log: Log): Promise<ClientCa> {
  let current = await loadBundle(file);
  let end = () => {};
  return {
    current: () => current,
    start(onChange) {
      end = watchFiles({
        load: () => loadBundle(file),
        loaded: current,
        isSame: (a, b) => a === b,
        onChange(next) {
          current = next;
          onChange();
          log.info(LOG.clientCaLoaded, { authorities: certificatesIn(next).length });
        },
        onProblem: (error) => log.warn(LOG.clientCaFailed, { error }),
      });
    },
    stop: () => end(),
    expiries: () => {
      const ends = certificatesIn(current).map(({ validToDate }) => validToDate.getTime());
      return [{ certificate: 'client-ca', at: Math.max(...ends) }];
    },
  };
}

async function loadBundle(file: string): Promise<string> {
  const text = await readSetting('CLIENT_CA_FILE', file);
  const authorities = certificatesIn(text).filter(({ ca }) => ca);
  if (authorities.length === 0) throw new Error(`CLIENT_CA_FILE ${file} holds no certificate of an authority`);
  return authorities.map((authority) => authority.toString()).join('');
}

/**
 * Looks at the certificate that a request's connection came with. OpenSSL has verified it at the handshake; where the
 * authorities have changed since, its chain is looked at again, for the connections of an API server live for days.
 */
export function createAccessCheck(
  clientCa: Pick<ClientCa, 'current'>,
  names: readonly string[],
): (request: Pick<IncomingMessage, 'socket'>) => Refusal | undefined {
  const verifiedBy = new WeakMap<object, string>();
  return ({ socket }) => {
    const { authorized, authorizationError } = socket as TLSSocket;
    const certificate = (socket as TLSSocket).getPeerX509Certificate?.();
    if (certificate === undefined) return refused(401, 'a client certificate is required');
    const bundle = clientCa.current();
    const before = verifiedBy.get(socket);
    const isTrusted = before === undefined || before === bundle || isChainedTo(certificate, bundle);
    if (!authorized || !isTrusted) {
      return refused(
        401,
        `the client certificate is not accepted: ${String(authorizationError ?? 'unknown authority')}`,
      );
    }
    verifiedBy.set(socket, bundle);
    if (names.length > 0 && !isNamed(certificate, names)) {
      return refused(403, 'the client certificate has none of the names that may ask');
    }
    return undefined;
  };
}

const refused = (status: 401 | 403, error: string): Refusal => ({ status, error });

function isChainedTo(leaf: X509Certificate, bundle: string): boolean {
  const authorities = certificatesIn(bundle);
  for (let one: X509Certificate | undefined = leaf; one !== undefined; one = one.issuerCertificate) {
    const { fingerprint256 } = one;
    const certificate = one;
    if (
      authorities.some((authority) => authority.fingerprint256 === fingerprint256 || isSignedBy(certificate, authority))
    )
      return true;
  }
  return false;
}

/** By its common name or a DNS name. Not read from texts, in which one strange name could look like two. */
function isNamed(certificate: X509Certificate, names: readonly string[]): boolean {
  const commonNames = [certificate.toLegacyObject().subject.CN ?? []].flat();
  return names.some(
    (name) => commonNames.includes(name) || certificate.checkHost(name, { subject: 'never', wildcards: false }),
  );
}
