import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A balancer of TCP connections, as a Service is, and as stands before the API servers of a cluster. */
export interface Balancer {
  readonly port: number;
  /** New connections go to these ports in turn, past one where nobody listens. */
  use(ports: readonly number[]): void;
  /** Ends every open connection. */
  reset(): void;
  close(): Promise<void>;
}

export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const open = new Set<Socket>();
  let targets = ports;
  let next = 0;
  const server = createServer((client) => {
    open.add(client);
    client.on('close', () => open.delete(client));
    client.on('error', () => client.destroy());
    join(client, targets.length);
  });

  function join(client: Socket, triesLeft: number): void {
    if (triesLeft === 0) return void client.destroy();
    const upstream = connect({ host: '127.0.0.1', port: targets[next++ % targets.length] ?? 0 });
    let isJoined = false;
    upstream.once('connect', () => {
      isJoined = true;
      client.pipe(upstream).pipe(client);
    });
    upstream.on('error', () => (isJoined ? client.destroy() : join(client, triesLeft - 1)));
    upstream.on('close', () => isJoined && client.destroy());
    client.once('close', () => upstream.destroy());
  }

  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const reset = () => {
    for (const client of open) client.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    use(some) {
      targets = some;
    },
    reset,
    async close() {
      reset();
      await new Promise((done) => server.close(done));
    },
  };
}
