import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Serving } from '../../../testkit/certificates.ts';

/** An HTTPS server that hands its requests to the ports in turn, request by request; one where nobody listens is passed over. */
export async function inTurn(
  serving: Serving,
  ports: readonly number[],
): Promise<{ url: string; counts: number[]; close(): Promise<void> }> {
  const counts = ports.map(() => 0);
  let next = 0;
  const server: Server = createServer(serving, async (request, response) => {
    const body = await buffer(request);
    const { method, headers, url } = request;
    const ask = (triesLeft: number) => {
      const index = next++ % ports.length;
      const options = { host: '127.0.0.1', port: ports[index], path: url, method, headers, rejectUnauthorized: false };
      const onward = httpsRequest(options, (answer) => {
        counts[index] = (counts[index] ?? 0) + 1;
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.on('error', () => response.destroy());
        answer.pipe(response);
      });
      onward.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED' && triesLeft > 0) ask(triesLeft - 1);
        else response.destroy();
      });
      onward.end(body);
    };
    ask(ports.length - 1);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/eviction`,
    counts,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
