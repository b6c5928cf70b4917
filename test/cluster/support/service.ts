import { request } from 'node:https';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { untilTrue } from '../../support/until-true.ts';

/** Where a replica listens, and whether it is to be sent connections, as its readiness probe says. */
interface Endpoint {
  readonly port: number;
  isReady: boolean;
  /** When its probe first succeeded, of those in a row. */
  readySince?: number;
}

/**
 * What a Service and its kube-proxies do, on one port of loopback. A new connection goes to one of the ready replicas in
 * turn. An open one stays where it is until one side ends it. A replica is ready if /readyz on its port says so.
 */
export interface LocalService {
  readonly port: number;
  add(port: number): void;
  remove(port: number): void;
  /** A replica has been told to end, which a kube-proxy learns of a moment later, whatever the probe finds. */
  removeSoon(port: number): void;
  /** Resolves when a replica is sent connections. */
  untilReady(port: number): Promise<void>;
  close(): Promise<void>;
}

/** Each is a handshake of both sides. */
const PROBE_EVERY_MS = 500;
/** As on a cluster, until a kube-proxy learns of the end of a replica. */
const FORGET_MS = 500;

/**
 * `latencyMs`: how long everything takes from one side to the other, also that a side has ended. `uptakeMs`: how long a
 * replica is ready before it is sent connections, as it takes a kube-proxy to learn of it.
 */
export async function startService({ latencyMs = 0, uptakeMs = 0 } = {}): Promise<LocalService> {
  const endpoints: Endpoint[] = [];
  const sockets = new Set<Socket>();
  const later = (act: () => void) => void (latencyMs === 0 ? act() : setTimeout(act, latencyMs));
  let next = 0;
  const server = createServer((socket) => {
    const ready = endpoints.filter(({ isReady }) => isReady);
    const chosen = ready[next++ % Math.max(ready.length, 1)];
    if (chosen === undefined) {
      socket.destroy();
      return;
    }
    const onward = connect(chosen.port, '127.0.0.1');
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        later(() => other.destroy());
      });
      if (latencyMs === 0) one.pipe(other);
      else one.on('data', (chunk) => later(() => other.write(chunk)));
    }
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;

  const over = new AbortController();
  const probing = (async () => {
    while (!over.signal.aborted) {
      await Promise.all(
        endpoints.map(async (endpoint) => {
          const now = performance.now();
          if (await isReady(endpoint.port)) endpoint.readySince ??= now;
          else delete endpoint.readySince;
          endpoint.isReady = endpoint.readySince !== undefined && now - endpoint.readySince >= uptakeMs;
        }),
      );
      await sleep(PROBE_EVERY_MS);
    }
  })();
  const remove = (port: number) => {
    const index = endpoints.findIndex((endpoint) => endpoint.port === port);
    if (index >= 0) endpoints.splice(index, 1);
  };
  return {
    port: (server.address() as AddressInfo).port,
    add: (port) => void endpoints.push({ port, isReady: false }),
    remove,
    removeSoon: (port) => void setTimeout(() => remove(port), FORGET_MS).unref(),
    untilReady: (port) =>
      untilTrue(`the replica on port ${port} to be sent connections`, () =>
        endpoints.some((endpoint) => endpoint.port === port && endpoint.isReady),
      ),
    async close() {
      over.abort();
      await probing;
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** As the kubelet asks: whatever certificate it shows. */
function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/readyz', rejectUnauthorized: false, agent: false };
    const asked = request({ ...options, timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
