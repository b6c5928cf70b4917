import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { systemClock } from '../../src/async/system-clock.ts';
import { closeServer, createWebhookServer, listen } from '../../src/server/https-server.ts';
import { createAuthority } from '../../testkit/certificates.ts';
import { aReview } from '../support/reviews.ts';
import { aHook, type FuzzedHook, type Planted } from './world.ts';

const HOST = '127.0.0.1';
/** Far longer than anything here takes: what has not come by then never comes. */
const PATIENCE_MS = 120_000;

/** The webhook behind its real server. */
export class Wire {
  readonly server: Server;
  hook: FuzzedHook;
  readonly port: number;
  /** How many connections there ever were. */
  accepted = 0;
  readonly #ca: string;

  private constructor(server: Server, hook: FuzzedHook, port: number, ca: string) {
    this.server = server;
    this.hook = hook;
    this.port = port;
    this.#ca = ca;
    server.on('connection', () => this.accepted++);
  }

  static async open(options: { maxConnections?: number; planted?: Planted } = {}): Promise<Wire> {
    const authority = await createAuthority();
    const hook = aHook(options.planted, systemClock);
    const listener: RequestListener = (request, response) => wire.hook.listener(request, response);
    const server = createWebhookServer(listener, await authority.issue(), undefined, options);
    const wire = new Wire(server, hook, await listen(server, 0, HOST), authority.ca);
    return wire;
  }

  /** Everything as it was at first, but the server and its connections. */
  renew(): void {
    this.hook = aHook({}, systemClock);
  }

  async close(): Promise<void> {
    await closeServer(this.server, 0, systemClock);
  }

  /** A TLS connection on which nothing was sent yet; rejects where there is none to be had. */
  async connect(options: ConnectionOptions = {}): Promise<Peer> {
    const socket = connectTls({ host: HOST, port: this.port, ca: this.#ca, ...options });
    const peer = new Peer(socket);
    await Promise.race([once(socket, 'secureConnect'), peer.closed]);
    if (socket.destroyed || !socket.encrypted || socket.getProtocol() === null) throw new Error('no connection');
    return peer;
  }

  async connectTcp(): Promise<Peer> {
    const peer = new Peer(connectTcp(this.port, HOST));
    await Promise.race([once(peer.socket, 'connect'), peer.closed]);
    return peer;
  }

  /** Sends bytes over a connection of their own; resolves to all that came until the server closed it. */
  async send(bytes: string | Buffer): Promise<string> {
    const peer = await this.connect();
    peer.socket.write(bytes);
    await peer.closed;
    return peer.received;
  }

  /** What an API server would do meanwhile: a review on a connection of its own, answered as it should be. */
  async isWell(): Promise<void> {
    const received = await this.send(review({ name: 'cb-0001', headers: 'connection: close\r\n' }));
    assert.match(received, /^HTTP\/1\.1 200 [\s\S]*"code":429,"reason":"TooManyRequests","message":"Pod waiting/);
  }

  get writes(): string[] {
    return this.hook.api.requests.filter(({ method }) => method !== 'GET').map(({ path }) => path);
  }

  async connections(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.server.getConnections((_error, count) => resolve(count));
    return await promise;
  }
}

/** The other end: keeps what it receives; resolves `closed` however the connection ends. */
export class Peer {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  received = '';

  constructor(socket: Socket) {
    this.socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
    });
    // A reset, a broken pipe: the end, as far as this end is concerned.
    socket.on('error', () => undefined).on('close', () => resolve());
  }
}

/** The bytes of a review; by name that of the pod which would be marked. */
export function review({ name = 'cb-0000', headers = '', path = '/eviction?timeout=10s' } = {}): string {
  const body = JSON.stringify(aReview({ name }));
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`;
  return `${head}${headers}\r\n${body}`;
}

/** Waits for a condition; what has not come by the end of all patience never comes. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(performance.now() < until, `never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
