import { constants } from 'node:crypto';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Clock, sleep } from '../async/clock.ts';
import { CONNECTIONS_MAX, type ConnectionEvents, Connections } from './connections.ts';

export interface ServingCertificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/**
 * Longer than the 90 s for which the API server (Go's transport) keeps an idle connection. If this side closed one first,
 * a review could be written into the closing connection, and kubectl would give that pod up.
 */
const KEEP_ALIVE_MS = 150_000;
/** As long, for Node counts it from the start of a connection: the API server's spare ones must not be closed under it. */
const REQUEST_TIMEOUT_MS = 150_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Far longer than a packet takes from an API server, and far shorter than the 5 s between two requests of a drainer. */
const QUIET_MS = 1_000;

/** What is absent has its default. */
export interface Limits extends ConnectionEvents {
  readonly maxConnections?: number;
  /** From the connection on; a client that takes longer for its handshake is cut off. */
  readonly handshakeTimeoutMs?: number;
}

/**
 * Without a certificate every handshake fails until `useCertificate` gives it one. With `clientCa` (PEM) clients are asked
 * for a certificate; what it is worth is said by `authorized` of their socket.
 */
export function createWebhookServer(
  listener: RequestListener,
  certificate: ServingCertificate | undefined,
  clientCa?: string,
  limits: Limits = {},
): HttpsServer {
  const server = createHttpsServer(
    {
      ...contextOf(certificate, clientCa),
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: limits.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
      requestCert: clientCa !== undefined,
      rejectUnauthorized: false,
    },
    listener,
  );
  return limited(server, limits);
}

/** From the next connection on; open ones keep what they have. */
export function useCertificate(server: HttpsServer, certificate: ServingCertificate, clientCa?: string): void {
  server.setSecureContext(contextOf(certificate, clientCa));
}

function contextOf(certificate: ServingCertificate | undefined, clientCa: string | undefined) {
  // A resumed session would bring along what an earlier handshake thought of the client, and a handshake on an open
  // connection could exchange its certificate for one that nobody has verified.
  const secureOptions = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION;
  const client = clientCa === undefined ? {} : { ca: clientCa, secureOptions };
  return { ...certificate, ...client, minVersion: 'TLSv1.2' as const };
}

export function createHealthServer(listener: RequestListener, limits: Omit<Limits, 'handshakeTimeoutMs'> = {}): Server {
  return limited(createHttpServer(listener), limits);
}

/**
 * Starts to listen, on every address where `address` is empty; rejects with the cause (port in use, address not here).
 * Resolves to the port. `onError` is told of a connection that the kernel could not hand over later: without anybody who
 * listens to it, such an error ends the process.
 */
export async function listen(
  server: Server,
  port: number,
  address: string,
  onError: (error: Error) => void = () => undefined,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  // Without a host Node listens on IPv6 and IPv4, or on IPv4 alone where the kernel has no IPv6.
  server.listen({ port, ...(address === '' ? {} : { host: address }) }, resolve);
  await promise;
  server.off('error', reject);
  server.on('error', onError);
  return (server.address() as AddressInfo).port;
}

/**
 * Ends the connections on which nothing happens for a second or two, until the signal aborts. A server that is to close
 * does so long before: a client then knows that its connection is gone before it writes the next request into it.
 */
export async function endQuietConnections(
  server: Server,
  clock: Pick<Clock, 'setTimer'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const endQuiet = CONNECTIONS.get(server)?.noteQuiet();
    await sleep(clock, QUIET_MS, signal);
    // Timers come first: what has arrived while the process was busy is read before anybody looks.
    await sleep(clock, 0, signal);
    if (!signal.aborted) endQuiet?.();
  }
}

/**
 * Takes no new connection. Those that are open end after their request in hand, or when nothing has happened on them for a
 * second or two; after `graceMs` all of them do.
 */
export async function closeServer(server: Server, graceMs: number, clock: Pick<Clock, 'setTimer'>): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  const over = new AbortController();
  const ending = endQuietConnections(server, clock, over.signal);
  await Promise.race([closed.promise, sleep(clock, graceMs, over.signal)]);
  over.abort();
  await ending;
  CONNECTIONS.get(server)?.destroy();
  await closed.promise;
}

const CONNECTIONS = new WeakMap<Server, Connections>();

/**
 * What is left to Node's defaults, for they do: 16 KiB of headers. What is not limited: how many requests one connection
 * carries after each other, for the API server keeps its connections as long as it has evictions.
 */
function limited<T extends Server>(server: T, { maxConnections = CONNECTIONS_MAX, ...on }: Limits): T {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  // Node would end idle connections at once when the server closes, also one into which a request is being written.
  server.closeIdleConnections = () => undefined;
  CONNECTIONS.set(server, new Connections(server, maxConnections, on));
  return server;
}
