import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Rig } from './rig.ts';

/** One request that came to the gate. `at` is on the monotonic clock. */
export interface Passing {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly at: number;
}

/** What the gate does with a request instead of just passing it on. */
export type Verdict =
  | { readonly kind: 'refuse'; readonly code: number; readonly headers?: OutgoingHttpHeaders; readonly body: object }
  /** Passed on when the promise settles. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> };

/** An HTTPS server before the API server that can read what is asked, and answer some of it itself. */
export interface ApiGate {
  readonly url: string;
  readonly passed: readonly Passing[];
  /** Asked about every request; undefined lets it pass. */
  rule: (request: Passing) => Verdict | undefined;
  /** Ends every open connection. */
  dropAll(): void;
}

/** Its certificate is of the rig's authority; who a client is, is left to the API server. Ends with the rig. */
export async function startApiGate(rig: Rig): Promise<ApiGate> {
  const { server: target, caData: ca } = rig.controlPlane;
  const passed: Passing[] = [];
  const server = createServer(await rig.authority.issue(), (incoming, outgoing) => {
    const url = new URL(incoming.url ?? '', target);
    const request = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      at: performance.now(),
    };
    passed.push(request);
    void answer(gate.rule(request), url, incoming, outgoing);
  });
  const answer = async (
    verdict: Verdict | undefined,
    url: URL,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> => {
    if (verdict?.kind === 'refuse') {
      outgoing.writeHead(verdict.code, { 'content-type': 'application/json', ...verdict.headers });
      outgoing.end(JSON.stringify(verdict.body));
      return;
    }
    if (verdict?.kind === 'hold') await verdict.until;
    const onward = httpsRequest(
      url,
      { method: incoming.method ?? 'GET', headers: { ...incoming.headers, host: url.host }, ca, agent: false },
      (response) => {
        outgoing.writeHead(response.statusCode ?? 500, response.headers);
        outgoing.flushHeaders();
        response.on('error', () => outgoing.destroy());
        response.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  };
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  rig.atStop(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const gate: ApiGate = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    rule: () => undefined,
    dropAll: () => server.closeAllConnections(),
  };
  return gate;
}
