import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A TCP proxy on loopback that can misbehave. It does not read the traffic, which is encrypted. */
export interface TcpProxy {
  readonly port: number;
  /**
   * Holds back the server's data on every connection until the client sends something on it. No client ever sends on a
   * watch, so watches fall silent while other calls pass.
   */
  holdSilent(): void;
  /** Holds back all of the server's data, on old and new connections, until `release`. What the client sends passes. */
  freeze(): void;
  /** Passes on the held-back data in order, and holds back nothing any more. */
  release(): void;
  /** Resets every open connection. New connections pass. */
  reset(): void;
  /** Accepts connections and keeps them open whatever the server does, but passes nothing, on old and new ones. */
  hang(): void;
  /** Makes the open connections dead without a signal to either side. New connections pass. */
  halfOpen(): void;
  /** Delays every piece by this time, in both directions. */
  delay(ms: number): void;
  /**
   * Cuts a connection each time the server has sent this many bytes over all connections. The one that is sending then
   * ends in the middle of a piece. `end` looks as if the server had died; `reset` may overtake data that was sent
   * before it.
   */
  cutAfter(bytes: number, how?: 'end' | 'reset'): void;
  /** Stops hanging, delaying and cutting. Resets the dead connections. */
  pass(): void;
  readonly connections: number;
  /** The number of connections that `cutAfter` has ended. */
  readonly cuts: number;
  close(): Promise<void>;
}

interface Conduct {
  isHolding: boolean;
  isFrozen: boolean;
  isHanging: boolean;
  delayMs: number;
  /** For `cutAfter`: the bytes between cuts, the bytes since the last cut, and the number of cuts. */
  cutEvery: number | undefined;
  cutBy: 'end' | 'reset';
  sent: number;
  cuts: number;
}

export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const conduct: Conduct = {
    isHolding: false,
    isFrozen: false,
    isHanging: false,
    delayMs: 0,
    cutEvery: undefined,
    cutBy: 'end',
    sent: 0,
    cuts: 0,
  };
  const server = createServer((client) => {
    const pair = new Pair(client, connect(target), conduct, () => pairs.delete(pair));
    pairs.add(pair);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;

  return {
    port: (server.address() as AddressInfo).port,
    holdSilent() {
      conduct.isHolding = true;
      for (const pair of pairs) pair.hold();
    },
    freeze() {
      conduct.isFrozen = true;
      for (const pair of pairs) pair.hold();
    },
    release() {
      Object.assign(conduct, { isHolding: false, isFrozen: false });
      for (const pair of pairs) pair.letGo();
    },
    reset() {
      for (const pair of pairs) pair.reset();
    },
    hang() {
      conduct.isHanging = true;
      for (const pair of pairs) pair.isDead = true;
    },
    halfOpen() {
      for (const pair of pairs) pair.isDead = true;
    },
    delay(ms) {
      conduct.delayMs = ms;
    },
    cutAfter(bytes, how = 'end') {
      Object.assign(conduct, { cutEvery: bytes, cutBy: how, sent: 0 });
    },
    pass() {
      Object.assign(conduct, { isHanging: false, delayMs: 0, cutEvery: undefined });
      for (const pair of pairs) {
        if (pair.isDead) pair.reset();
      }
    },
    get connections() {
      return pairs.size;
    },
    get cuts() {
      return conduct.cuts;
    },
    async close() {
      for (const pair of pairs) pair.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A client's connection and the matching one to the server. */
class Pair {
  isDead: boolean;
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #conduct: Conduct;
  readonly #onEnd: () => void;
  /** The held-back chunks for the client; undefined while the connection passes. */
  #held: Buffer[] | undefined;
  /** One chain per direction keeps the pieces in order. */
  #down: Promise<unknown> = Promise.resolve();
  #up: Promise<unknown> = Promise.resolve();

  constructor(client: Socket, upstream: Socket, conduct: Conduct, onEnd: () => void) {
    this.#client = client;
    this.#upstream = upstream;
    this.#conduct = conduct;
    this.#onEnd = onEnd;
    this.isDead = conduct.isHanging;
    if (conduct.isFrozen) this.hold();
    client.on('data', (chunk) => {
      if (this.isDead) return;
      if (conduct.isHolding && !conduct.isFrozen) this.letGo();
      this.#up = this.#later(this.#up, () => upstream.write(chunk));
    });
    upstream.on('data', (chunk) => this.#fromServer(chunk));
    for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
    client.on('close', () => this.destroy());
    upstream.on('close', () => {
      if (!this.isDead) void this.#down.then(() => this.destroy());
    });
  }

  hold(): void {
    this.#held ??= [];
  }

  letGo(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const chunk of held) this.#client.write(chunk);
  }

  reset(): void {
    this.#client.resetAndDestroy();
  }

  destroy(): void {
    this.#onEnd();
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #fromServer(chunk: Buffer): void {
    if (this.isDead) return;
    if (this.#held !== undefined) this.#held.push(chunk);
    else if (this.#isToBeCut(chunk)) this.#cut(chunk);
    else this.#down = this.#later(this.#down, () => this.#client.write(chunk));
  }

  #isToBeCut(chunk: Buffer): boolean {
    const { cutEvery } = this.#conduct;
    if (cutEvery === undefined) return false;
    this.#conduct.sent += chunk.length;
    return this.#conduct.sent >= cutEvery;
  }

  #cut(chunk: Buffer): void {
    const part = chunk.subarray(0, chunk.length / 2);
    const end = () => (this.#conduct.cutBy === 'reset' ? this.reset() : this.#client.end(part));
    this.#conduct.sent = 0;
    this.#conduct.cuts++;
    this.#upstream.removeAllListeners('data').resume();
    this.#down = this.#later(this.#down, end);
  }

  #later(before: Promise<unknown>, deliver: () => void): Promise<unknown> {
    const { delayMs } = this.#conduct;
    if (delayMs > 0) return Promise.all([before, sleep(delayMs)]).then(deliver);
    return before.then(deliver);
  }
}
