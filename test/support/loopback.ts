import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

/** Serves on a free port of 127.0.0.1 until the test ends. Resolves to the port. */
export async function serve(t: TestContext, server: Server | RequestListener): Promise<number> {
  const listening = typeof server === 'function' ? createServer(server) : server;
  const { promise, resolve } = Promise.withResolvers<void>();
  listening.listen(0, '127.0.0.1', resolve);
  await promise;
  t.after(() => {
    listening.close();
    listening.closeAllConnections();
  });
  return (listening.address() as AddressInfo).port;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Sends one request to 127.0.0.1, over its own connection. */
export async function ask(
  port: number,
  { method = 'GET', path = '/', headers = {}, body = '' }: AskOptions = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, resolve);
  request.on('error', reject);
  request.end(body);
  const response = await promise;
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

export interface AskOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | number>;
  readonly body?: string | Buffer;
}
