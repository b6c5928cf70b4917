import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { Serving } from '../../testkit/certificates.ts';
import { serve } from './loopback.ts';

/** One request as the server received it. */
export interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly http: string;
  /** Only over TLS: the TLS version, and the fingerprint of the client's certificate. */
  readonly tls: string | null | undefined;
  readonly certificate: string | undefined;
}

export type Answering = (response: ServerResponse, seen: Seen) => void;

/** A complete response. A text body is sent as it is. */
export const answer = (code: number, body: unknown, headers: Record<string, string> = {}) => {
  return (response: ServerResponse): void => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
};

/** The first bytes of a response that never ends. */
export const begun = (code: number): Answering => {
  return (response) => void response.writeHead(code, { 'content-type': 'application/json' }).write('{');
};

/** Accepts the request and never responds. */
export const silent: Answering = () => undefined;

/**
 * An API server on loopback, to test what goes over the wire. It sends the given responses, records each request, and
 * ends with the test. FakeApi has the objects of an API server. `serving`: over TLS, with a request for a client
 * certificate.
 */
export async function anApiServer(t: TestContext, answering: Answering = answer(200, { ok: true }), serving?: Serving) {
  const seen: Seen[] = [];
  const world = { answering, connections: 0 };
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const { method, url, headers, httpVersion: http, socket } = request;
    const { getProtocol, getPeerCertificate } = socket as Partial<TLSSocket>;
    const tls = getProtocol?.call(socket);
    const certificate = getPeerCertificate?.call(socket).fingerprint256;
    const entry = { method, url, headers, body: await text(request), http, tls, certificate };
    seen.push(entry);
    world.answering(response, entry);
  };
  const tlsOptions = { ...serving, requestCert: true, rejectUnauthorized: false };
  const server = serving === undefined ? createHttpServer(listener) : createHttpsServer(tlsOptions, listener);
  server.on('connection', () => world.connections++);
  return { port: await serve(t, server), seen, world };
}
