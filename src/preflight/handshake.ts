import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { Clock } from '../async/clock.ts';
import type { Handshake } from './forecast/installation.ts';

/** Where the API server connects to, and what it verifies by. */
export interface HandshakeTarget {
  readonly host: string;
  readonly port: number;
  /** The name that the certificate must have. */
  readonly name: string;
  /** PEM. */
  readonly authorities: string;
}

const WITHIN_MS = 3_000;
/** They say where this machine stands, and nothing of the certificate. */
const NO_CONNECTION = ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'];

/** Connects as the API server would, and says whether the certificate verifies. Sends nothing. Never rejects. */
export async function shakeHands(target: HandshakeTarget, clock: Pick<Clock, 'setTimer'>): Promise<Handshake> {
  const { host, port, name, authorities } = target;
  const { promise, resolve } = Promise.withResolvers<Handshake>();
  // The API server trusts those of its machine where the registration has none.
  const trusted = authorities === '' ? {} : { ca: authorities };
  const named = isIP(name) === 0 ? { servername: name } : {};
  const socket = connect({ host, port, ...trusted, ...named }, () => {
    const until = Date.parse(socket.getPeerCertificate().valid_to);
    resolve({ kind: 'verified', until: Number.isNaN(until) ? 'an unknown time' : new Date(until).toISOString() });
  });
  socket.on('error', (error: Error & { readonly code?: string }) => {
    const { code = '', message } = error;
    const kind = NO_CONNECTION.includes(code) ? 'unseen' : 'refused';
    resolve({ kind, why: code === '' ? message : code });
  });
  const timer = clock.setTimer(() => resolve({ kind: 'unseen', why: 'it does not answer from here' }), WITHIN_MS);
  const seen = await promise;
  timer.cancel();
  socket.destroy();
  return seen;
}
