import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { freePorts } from '../../../testkit/ports.ts';
import { ApiFailure, noSuchResource } from '../storage/failure.ts';
import type { ApiObject, Json } from '../storage/object.ts';
import type { User } from '../storage/user.ts';
import type { World } from '../storage/world.ts';
import { AGGREGATED, discover } from './discovery.ts';
import { type ApiRequest, handle } from './handle.ts';
import { route } from './route.ts';
import { tableOf, wantsTable } from './table.ts';
import { startWatch } from './watching.ts';

export interface ServerOptions {
  readonly world: World;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** Bearer tokens, and whose they are. */
  readonly users: ReadonlyMap<string, User>;
  readonly bookmarkEveryMs: number;
}

const HEALTH = ['/healthz', '/livez', '/readyz'];

/** The API over HTTPS on a port of 127.0.0.1. It may be stopped and started again; what is in the store stays. */
export class ApiServer {
  readonly #options: ServerOptions;
  readonly #watches = new Set<() => void>();
  #server: Server | undefined;
  #port: number | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  /** On the port of the first start. */
  async start(): Promise<void> {
    const { cert, key } = this.#options;
    const server = createServer({ cert, key }, (request, response) => void this.#serve(request, response));
    // Node would end what has been idle for five seconds by its clock, also under a request that has just been sent.
    server.keepAliveTimeout = 0;
    this.#port ??= (await freePorts(1))[0];
    server.listen({ host: '127.0.0.1', port: this.#port });
    await once(server, 'listening');
    this.#server = server;
  }

  /** Clients see broken connections, and then refused ones. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    for (const end of this.#watches) end();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  /** Ends every watch properly, as the API server does from time to time. */
  endWatches(): void {
    for (const end of this.#watches) end();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    try {
      await this.#answer(request, response);
    } catch (error) {
      sendFailure(response, error);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { world } = this.#options;
    const user = this.#userOf(request);
    const url = new URL(request.url ?? '/', this.url);
    if (this.#discovered(request, url, response)) return;
    const place = route(world.kinds, url.pathname);
    if (place === 'nowhere') return sendText(response, 404, '404 page not found\n');
    if (place === 'unknown') throw noSuchResource();
    const { method = 'GET', headers } = request;
    const call: ApiRequest = {
      method,
      place,
      query: url.searchParams,
      accept: headers.accept ?? '',
      contentType: headers['content-type']?.split(';')[0]?.trim() ?? '',
      body: await bodyOf(request),
      user,
      agent: headers['user-agent']?.split('/')[0] ?? '',
      warn: (text) => response.appendHeader('warning', `299 - ${JSON.stringify(text)}`),
    };
    if (isWatch(call)) return this.#watch(call, response);
    const { code, body } = await handle(world, call);
    sendJson(response, code, body);
  }

  /** Answers what is not about objects; false where it is. */
  #discovered({ method, headers }: IncomingMessage, { pathname }: URL, response: ServerResponse): boolean {
    if (method !== 'GET') return false;
    if (HEALTH.includes(pathname)) {
      sendText(response, 200, 'ok');
      return true;
    }
    const body = discover(this.#options.world.kinds, pathname, headers.accept ?? '');
    if (body === undefined) return false;
    sendJson(response, 200, body, body.kind === 'APIGroupDiscoveryList' ? AGGREGATED : undefined);
    return true;
  }

  #userOf(request: IncomingMessage): User {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const user = this.#options.users.get(token);
    if (user === undefined) throw new ApiFailure(401, 'Unauthorized', 'Unauthorized');
    const other = request.headers['impersonate-user'];
    if (typeof other !== 'string') return user;
    const groups = [request.headers['impersonate-group'] ?? []].flat();
    return { username: other, groups: [...groups, 'system:authenticated'] };
  }

  #watch({ place, query, accept }: ApiRequest, response: ServerResponse): void {
    const { world, bookmarkEveryMs } = this.#options;
    const { kind, namespace, name } = place;
    if (name !== undefined) query.set('fieldSelector', `metadata.name=${name}`);
    const encode = (object: ApiObject, isFirst: boolean): unknown => {
      if (!wantsTable(accept)) return object;
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      return tableOf(kind, [object], { metadata, now: world.now(), withColumns: isFirst });
    };
    const end = () => {
      this.#watches.delete(end);
      stop();
      response.end();
    };
    const begin = () => {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
    };
    const send = (event: string) => {
      begin();
      response.write(event);
    };
    const stop = startWatch({ store: world.store, kind, namespace, query, encode, send, end, bookmarkEveryMs });
    begin();
    this.#watches.add(end);
    response.once('close', () => {
      this.#watches.delete(end);
      stop();
    });
  }
}

function isWatch({ method, query }: ApiRequest): boolean {
  return method === 'GET' && ['true', '1'].includes(query.get('watch') ?? '');
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : Buffer.concat(chunks).toString('utf-8');
}

function sendJson(response: ServerResponse, code: number, body: Json, contentType = 'application/json'): void {
  const text = JSON.stringify(body);
  response.writeHead(code, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}

function sendFailure(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const failure = error instanceof ApiFailure ? error : new ApiFailure(500, String(error), 'InternalError');
  const seconds = failure.details?.retryAfterSeconds;
  if (typeof seconds === 'number') response.setHeader('retry-after', String(seconds));
  sendJson(response, failure.code, failure.status);
}
