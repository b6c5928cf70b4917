import type { RequestListener } from 'node:http';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface ServingCertificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/**
 * Longer than the 90 s for which the API server (Go's transport) keeps an idle connection: were this side the first to
 * close one, a review could be written into the closing connection, and kubectl gives that pod up.
 */
const KEEP_ALIVE_MS = 150_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

export function createWebhookServer(listener: RequestListener, certificate: ServingCertificate): HttpsServer {
  const server = createHttpsServer({ ...certificate, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] }, listener);
  return limited(server);
}

export function createHealthServer(listener: RequestListener): Server {
  return limited(createHttpServer(listener));
}

/** Starts to listen; rejects with the cause (port in use, address not here). Resolves to the port. */
export async function listen(server: Server, port: number, address: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ port, host: address }, resolve);
  await promise;
  server.off('error', reject);
  return (server.address() as AddressInfo).port;
}

/** Takes no new connection, lets what is in hand finish for at most `graceMs`, then ends the rest. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await promise;
  clearTimeout(timer);
}

function limited<T extends Server>(server: T): T {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  return server;
}
