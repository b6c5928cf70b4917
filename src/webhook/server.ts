import { constants } from 'node:crypto';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServingCertificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/**
 * Longer than the 90 s for which the API server (Go's transport) keeps an idle connection: were this side the first to
 * close one, a review could be written into the closing connection, and kubectl gives that pod up.
 */
const KEEP_ALIVE_MS = 150_000;
/** As long, for Node counts it from the start of a connection: the API server's spare ones must not be closed under it. */
const REQUEST_TIMEOUT_MS = 150_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Without a certificate every handshake fails until `useCertificate` gives it one. With `clientCa` (PEM) clients are asked
 * for a certificate; what it is worth is said by `authorized` of their socket.
 */
export function createWebhookServer(
  listener: RequestListener,
  certificate: ServingCertificate | undefined,
  clientCa?: string,
): HttpsServer {
  const server = createHttpsServer(
    {
      ...contextOf(certificate, clientCa),
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      requestCert: clientCa !== undefined,
      rejectUnauthorized: false,
    },
    listener,
  );
  return limited(server);
}

/** From the next connection on; open ones keep what they have. */
export function useCertificate(server: HttpsServer, certificate: ServingCertificate, clientCa?: string): void {
  server.setSecureContext(contextOf(certificate, clientCa));
}

function contextOf(certificate: ServingCertificate | undefined, clientCa: string | undefined) {
  // A resumed session would bring along what an earlier handshake thought of the client.
  const client = clientCa === undefined ? {} : { ca: clientCa, secureOptions: constants.SSL_OP_NO_TICKET };
  return { ...certificate, ...client, minVersion: 'TLSv1.2' as const };
}

export function createHealthServer(listener: RequestListener): Server {
  return limited(createHttpServer(listener));
}

/** Starts to listen, on every address where `address` is empty; rejects with the cause (port in use, address not here). Resolves to the port. */
export async function listen(server: Server, port: number, address: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  // Without a host Node listens on IPv6 and IPv4, or on IPv4 alone where the kernel has no IPv6.
  server.listen({ port, ...(address === '' ? {} : { host: address }) }, resolve);
  await promise;
  server.off('error', reject);
  return (server.address() as AddressInfo).port;
}

/** Takes no new connection, lets what is in hand finish for at most `graceMs`, then ends every connection. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  const connections = CONNECTIONS.get(server);
  // Node counts a connection on which nothing was ever asked as busy, so idleness is counted here.
  await Promise.race([connections?.idle(), sleep(graceMs, undefined, { ref: false })]);
  connections?.destroy();
  await closed.promise;
}

/** The open connections of a server, and how many requests are in hand. */
class Connections {
  readonly #sockets = new Set<Socket>();
  readonly #idle: (() => void)[] = [];
  #inHand = 0;

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (_request, response) => {
      this.#inHand++;
      response.once('close', () => {
        this.#inHand--;
        if (this.#inHand === 0) for (const resolve of this.#idle.splice(0)) resolve();
      });
    });
  }

  async idle(): Promise<void> {
    if (this.#inHand === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    await promise;
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

const CONNECTIONS = new WeakMap<Server, Connections>();

function limited<T extends Server>(server: T): T {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  CONNECTIONS.set(server, new Connections(server));
  return server;
}
