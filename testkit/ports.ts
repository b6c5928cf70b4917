import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

// Below the range from which systems give ports to outgoing connections, and to those who listen on port 0.
const LOWEST = 20_000;
const BLOCK = 100;
const BLOCKS = 120;

/** What is left of the block that this process holds. */
let left: number[] = [];
let claim: Promise<void> | undefined;

/**
 * Different ports of 127.0.0.1 on which nobody listens. They belong to this process until it ends. No other process is
 * given one, or so much as tries it: what listens on it can stop and start again.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = await ownPort();
    if (await isFree(port)) found.push(port);
  }
  return found;
}

async function ownPort(): Promise<number> {
  for (;;) {
    const port = left.shift();
    if (port !== undefined) return port;
    claim ??= claimBlock().finally(() => {
      claim = undefined;
    });
    await claim;
  }
}

/** A process holds a block by listening on its first port. The system ends that with the process, however it ends. */
async function claimBlock(): Promise<void> {
  const start = randomInt(BLOCKS);
  for (let tries = 0; tries < BLOCKS; tries++) {
    const first = LOWEST + ((start + tries) % BLOCKS) * BLOCK;
    const holder = await listenOn(first);
    if (holder === undefined) continue;
    holder.unref();
    left = Array.from({ length: BLOCK - 1 }, (_, i) => first + 1 + i);
    return;
  }
  throw new Error(`no block of ports is free between ${LOWEST} and ${LOWEST + BLOCKS * BLOCK}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = await listenOn(port);
  if (server === undefined) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

function listenOn(port: number): Promise<Server | undefined> {
  const { promise, resolve } = Promise.withResolvers<Server | undefined>();
  const server = createServer((socket) => socket.destroy());
  server.once('error', () => resolve(undefined));
  server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server));
  return promise;
}
