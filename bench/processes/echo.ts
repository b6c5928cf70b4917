/** The limit: a bare node:https server that reads a body and sends it back. It can make the read of an answer first. */
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/async/system-clock.ts';
import { createApiClient } from '../../src/kube/client.ts';
import { openConnection } from '../../src/kube/connection.ts';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import { createReads } from '../../src/kube/reads.ts';
import { answerCalls } from '../support/answer-calls.ts';

/** What is read before each answer: the metadata of one of these pods in turn, with the hook's own client. */
export interface Reading {
  readonly kubeconfigPath: string;
  readonly namespace: string;
  readonly pods: readonly string[];
}

export type EchoHandlers = {
  listen(serving: { cert: string; key: string; reading?: Reading }): Promise<number>;
  cpuSeconds(): number;
};

async function listen({ cert, key, reading }: Parameters<EchoHandlers['listen']>[0]): Promise<number> {
  const readFirst = reading && (await createReader(reading));
  const server = createServer(
    { cert, key, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        if (readFirst === undefined) return answer(response, body);
        readFirst().then(
          () => answer(response, body),
          (error) => response.destroy(error),
        );
      });
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  await promise;
  return (server.address() as AddressInfo).port;
}

function answer(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

async function createReader({ kubeconfigPath, namespace, pods }: Reading): Promise<() => Promise<void>> {
  const connection = await openConnection(() => loadKubeConfig({ KUBECONFIG: kubeconfigPath }), systemClock);
  const reads = createReads(createApiClient(connection, systemClock));
  const { signal } = new AbortController();
  let count = 0;
  return async () => {
    const name = pods[count++ % pods.length] ?? '';
    const pod = await reads.podMetadata(namespace, name, signal);
    if (pod === undefined) throw new Error(`there is no pod ${namespace}/${name}`);
  };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

answerCalls({ listen, cpuSeconds } satisfies EchoHandlers);
