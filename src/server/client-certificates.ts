import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../async/clock.ts';
import type { Expiry } from '../certificates/certificate-source.ts';
import { readSetting, watchFiles } from '../certificates/file-watch.ts';
import { certificatesIn, isSignedBy } from '../certificates/pem.ts';
import { LOG, type Log } from '../log/messages.ts';
import { peerOf } from './connections.ts';

/** Who may ask for reviews: clients with a certificate of these authorities. */
export interface ClientCa {
  /** PEM of the authorities. */
  current(): string;
  /** To be told of the server before it listens: it remembers by which authorities each connection was verified. */
  attend(server: Server): void;
  /** PEM of those authorities; absent where it is not known. */
  verifiedBy(connection: object): string | undefined;
  /** From now on; `onChange` is called after each change, and the server has to use the new ones at once. */
  start(onChange: () => void): void;
  stop(): void;
  expiries(): readonly Expiry[];
}

/** Why a request is refused, and how. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly error: string;
}

export async function openClientCa(file: string, log: Log, clock: Pick<Clock, 'setTimer'>): Promise<ClientCa> {
  let current = await loadBundle(file);
  let end = () => {};
  return {
    current: () => current,
    ...rememberAuthorities(() => current),
    start(onChange) {
      end = watchFiles({
        clock,
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

/** What a connection is verified by was settled when it was opened, and not when its handshake ended. */
export function rememberAuthorities(current: () => string): Pick<ClientCa, 'attend' | 'verifiedBy'> {
  const verifiedBy = new WeakMap<object, string>();
  return {
    attend(server) {
      /** By peer: Node does not say which TCP connection is under a TLS one. */
      const opened = new Map<string, string>();
      server.on('connection', (socket: Socket) => {
        const peer = peerOf(socket);
        opened.set(peer, current());
        socket.once('close', () => opened.delete(peer));
      });
      server.on('secureConnection', (socket) => {
        const bundle = opened.get(peerOf(socket));
        if (bundle !== undefined) verifiedBy.set(socket, bundle);
      });
    },
    verifiedBy: (connection) => verifiedBy.get(connection),
  };
}

/**
 * Looks at the certificate that a request's connection came with: once, and again when the authorities have changed, for
 * the connections of an API server live for days.
 */
export function createAccessCheck(
  clientCa: Pick<ClientCa, 'current' | 'verifiedBy'>,
  names: readonly string[],
): (request: Pick<IncomingMessage, 'socket'>) => Refusal | undefined {
  const verdicts = new WeakMap<object, { readonly bundle: string; readonly refusal: Refusal | undefined }>();
  return ({ socket }) => {
    const bundle = clientCa.current();
    const known = verdicts.get(socket);
    if (known?.bundle === bundle) return known.refusal;
    const isVerified = clientCa.verifiedBy(socket) === bundle;
    const refusal = judge(socket as TLSSocket, isVerified ? undefined : bundle, names);
    verdicts.set(socket, { bundle, refusal });
    return refusal;
  };
}

/** `bundle` where the authorities are no longer those by which OpenSSL verified the certificate at the handshake. */
function judge(socket: TLSSocket, bundle: string | undefined, names: readonly string[]): Refusal | undefined {
  const certificate = socket.getPeerX509Certificate?.();
  if (certificate === undefined) return refused(401, 'a client certificate is required');
  if (!socket.authorized || (bundle !== undefined && !isSignedByOneOf(bundle, certificate))) {
    const reason = String(socket.authorizationError ?? 'unknown authority');
    return refused(401, `the client certificate is not accepted: ${reason}`);
  }
  if (names.length > 0 && !isNamed(certificate, names)) {
    return refused(403, 'the client certificate has none of the names that may ask');
  }
  return undefined;
}

const refused = (status: 401 | 403, error: string): Refusal => ({ status, error });

/**
 * By itself, without intermediates that came along: not every Node tells them to the server's side
 * (https://github.com/nodejs/node/issues/65579). Who is refused for that is verified by OpenSSL again on the next connection.
 */
function isSignedByOneOf(bundle: string, certificate: X509Certificate): boolean {
  return certificatesIn(bundle).some((authority) => isSignedBy(certificate, authority));
}

/** By its common name or a DNS name. Not read from texts, in which one strange name could look like two. */
function isNamed(certificate: X509Certificate, names: readonly string[]): boolean {
  const commonNames = [certificate.toLegacyObject().subject.CN ?? []].flat();
  return names.some(
    (name) => commonNames.includes(name) || certificate.checkHost(name, { subject: 'never', wildcards: false }),
  );
}
