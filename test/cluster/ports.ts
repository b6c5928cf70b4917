/** Free loopback ports. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range from which systems hand out ports to outgoing connections (32768 and up on Linux, 49152 elsewhere):
// while the API server is down its clients keep dialling, and one of them could be given the very port it waits for.
const lowest = 20_000;
const highest = 32_000;

/** Different ports on which nothing listened a moment ago; the caller tries again should one be taken by now. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries++) {
    if (tries > 1_000) throw new Error(`no free port found between ${lowest} and ${highest}`);
    const port = randomInt(lowest, highest);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
