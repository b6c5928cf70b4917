import { once } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Agent, createServer, request as httpsRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { freePorts } from '../../../testkit/ports.ts';
import type { Rig } from './rig.ts';

/** One request that came to the gate. `at` is on the monotonic clock. */
export interface Passing {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly at: number;
}

/** What the gate does with a request instead of just passing it on. */
export type Verdict =
  | {
      readonly kind: 'refuse';
      readonly code: number;
      readonly headers?: OutgoingHttpHeaders;
      readonly body: object;
      /** The API server has done it all the same. */
      readonly applied?: boolean;
    }
  /** The connection ends without an answer, after the API server has done it or before it heard of it. */
  | { readonly kind: 'lose'; readonly applied: boolean; readonly atThat?: () => Promise<unknown> }
  /** Passed on when the promise settles. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> };

/** How many watches of one collection are open now, and how many have been at the same time at the most. */
export interface Watches {
  open: number;
  most: number;
}

/** An HTTPS server before the API server that can read what is asked, and answer some of it itself. */
export interface ApiGate {
  readonly url: string;
  readonly passed: readonly Passing[];
  /** By the path of the collection. A watch is open until its answer has ended or its connection is closed. */
  readonly watches: ReadonlyMap<string, Watches>;
  /** Asked about every request; undefined lets it pass. */
  rule: (request: Passing) => Verdict | undefined;
  /** Added to every answer that passes. */
  headers: OutgoingHttpHeaders;
  /** Asked about every line of a watch; false keeps it from the client. */
  event: (line: string) => boolean;
  /** Ends every open watch after this line. */
  endWatches(line: string): void;
  /** Ends every open connection. */
  dropAll(): void;
  /** The same, and new ones are refused, as where nobody listens. */
  leave(): void;
  /** Listens again, where it did before. */
  comeBack(): Promise<void>;
}

/**
 * Its certificate is of the rig's authority; who a client is, is left to the API server. `keepAlive`: for many calls, keeps
 * its connections to the API server. `isForgetful`: for calls without end, `passed` stays empty. Ends with the rig.
 */
export async function startApiGate(rig: Rig, { keepAlive = false, isForgetful = false } = {}): Promise<ApiGate> {
  const { server: target, caData: ca } = rig.controlPlane;
  const agent = keepAlive ? new Agent({ keepAlive }) : false;
  const passed: Passing[] = [];
  const watches = new Map<string, Watches>();
  const ends = new Set<(line: string) => void>();
  const server = createServer(await rig.authority.issue(), (incoming, outgoing) => {
    const url = new URL(incoming.url ?? '', target);
    const request = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      contentType: incoming.headers['content-type'] ?? '',
      at: performance.now(),
    };
    if (!isForgetful) passed.push(request);
    if (url.searchParams.get('watch') === 'true') count(watches, url.pathname, outgoing);
    void answer(gate.rule(request), url, incoming, outgoing);
  });
  const passOn = (url: URL, incoming: IncomingMessage, onAnswer: (response: IncomingMessage) => void) => {
    const headers = { ...incoming.headers, host: url.host };
    const onward = httpsRequest(url, { method: incoming.method ?? 'GET', headers, ca, agent }, onAnswer);
    incoming.pipe(onward);
    return onward;
  };
  const answer = async (
    verdict: Verdict | undefined,
    url: URL,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> => {
    if (verdict?.kind === 'hold') await verdict.until;
    if (verdict !== undefined && verdict.kind !== 'hold') {
      if (verdict.applied === true) {
        const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
        passOn(url, incoming, resolve).on('error', reject);
        await promise.then(buffer).catch(() => undefined);
      }
      return decline(verdict, outgoing);
    }
    const onward = passOn(url, incoming, (response) => {
      outgoing.writeHead(response.statusCode ?? 500, { ...response.headers, ...gate.headers });
      outgoing.flushHeaders();
      response.on('error', () => outgoing.destroy());
      if (url.searchParams.get('watch') === 'true') passEvents(response, outgoing, gate, ends);
      else response.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
  };
  const [port] = await freePorts(1);
  const listen = async () => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen();
  rig.atStop(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    if (agent !== false) agent.destroy();
  });
  const gate: ApiGate = {
    url: `https://127.0.0.1:${port}`,
    passed,
    watches,
    rule: () => undefined,
    headers: {},
    event: () => true,
    endWatches(line) {
      for (const end of ends) end(line);
    },
    dropAll: () => server.closeAllConnections(),
    leave() {
      server.close();
      server.closeAllConnections();
    },
    comeBack: listen,
  };
  return gate;
}

function count(watches: Map<string, Watches>, path: string, outgoing: ServerResponse): void {
  const found = watches.get(path) ?? { open: 0, most: 0 };
  watches.set(path, found);
  found.open++;
  found.most = Math.max(found.most, found.open);
  outgoing.on('close', () => found.open--);
}

/** Line by line, so that something else can come between two. */
function passEvents(
  response: IncomingMessage,
  outgoing: ServerResponse,
  gate: ApiGate,
  ends: Set<(line: string) => void>,
): void {
  const end = (line: string) => void outgoing.end(`${line}\n`);
  ends.add(end);
  outgoing.on('close', () => ends.delete(end));
  let rest = Buffer.alloc(0);
  response.on('data', (chunk: Buffer) => {
    const all = Buffer.concat([rest, chunk]);
    const whole = all.lastIndexOf('\n') + 1;
    rest = all.subarray(whole);
    const lines = all.toString('utf8', 0, whole).split('\n').slice(0, -1);
    if (outgoing.writableEnded) return;
    for (const line of lines) if (gate.event(line)) outgoing.write(`${line}\n`);
  });
  response.on('end', () => {
    if (!outgoing.writableEnded) outgoing.end(rest);
  });
}

async function decline(verdict: Exclude<Verdict, { kind: 'hold' }>, outgoing: ServerResponse): Promise<void> {
  if (verdict.kind === 'refuse') {
    outgoing.writeHead(verdict.code, { 'content-type': 'application/json', ...verdict.headers });
    outgoing.end(JSON.stringify(verdict.body));
    return;
  }
  await verdict.atThat?.();
  outgoing.destroy();
}
