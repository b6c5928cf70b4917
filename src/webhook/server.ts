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

export function createWebhookServer(listener: RequestListener, certificate: ServingCertificate): HttpsServer {
  const server = createHttpsServer(
    { ...certificate, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'], handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
    listener,
  );
  return limited(server);
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
