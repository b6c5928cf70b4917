/** The limit: a bare node:https server that reads a body and sends it back. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { answerCalls } from '../support/rpc.ts';

export type EchoHandlers = {
  listen(serving: { cert: string; key: string }): Promise<number>;
  cpuSeconds(): number;
};

async function listen({ cert, key }: { cert: string; key: string }): Promise<number> {
  const server = createServer(
    { cert, key, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
        response.end(body);
      });
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  await promise;
  return (server.address() as AddressInfo).port;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

answerCalls({ listen, cpuSeconds } satisfies EchoHandlers);
