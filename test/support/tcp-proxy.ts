import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on loopback that can misbehave; what passes through it is encrypted and not looked at. */
export interface TcpProxy {
  readonly port: number;
  /**
   * From now on what the server sends is held back on every connection, until the client says something on it: a watch, on
   * which no client ever does, falls silent, while calls on other connections pass.
   */
  holdSilent(): void;
  /** Lets go what was held back, in order, and holds nothing any more. */
  release(): void;
  /** Resets every open connection; new ones pass. */
  reset(): void;
  readonly connections: number;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  /** Chunks for the client that are held back; undefined while the connection passes. */
  held: Buffer[] | undefined;
}

export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let isHolding = false;

  const letGo = (pair: Pair) => {
    const held = pair.held ?? [];
    pair.held = undefined;
    for (const chunk of held) pair.client.write(chunk);
  };
  const server = createServer((client) => {
    const upstream = connect(target);
    const pair: Pair = { client, upstream, held: undefined };
    pairs.add(pair);
    client.on('data', (chunk) => {
      if (isHolding) letGo(pair);
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (pair.held === undefined) client.write(chunk);
      else pair.held.push(chunk);
    });
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('close', end).on('error', end);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;

  return {
    port: (server.address() as AddressInfo).port,
    holdSilent() {
      isHolding = true;
      for (const pair of pairs) pair.held ??= [];
    },
    release() {
      isHolding = false;
      for (const pair of pairs) letGo(pair);
    },
    reset() {
      for (const { client } of pairs) client.resetAndDestroy();
    },
    get connections() {
      return pairs.size;
    },
    async close() {
      for (const { client } of pairs) client.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
