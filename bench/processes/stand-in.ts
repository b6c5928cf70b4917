/** A stand-in for an API server: lists in pages, watches with bookmarks, and as much of the writes as pruning needs. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { answerCalls } from '../support/answer-calls.ts';
import { ClusterState, type Kind, type Size } from '../support/cluster-state.ts';

export interface Modified {
  /** The pod that was changed last, and its version then. */
  readonly lastPod: number;
  readonly lastVersion: number;
}

export interface Pruned {
  readonly count: number;
  /** Epoch milliseconds of the first and of the last removal. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly calls: number;
}

export type StandInHandlers = {
  start(options: { size: Size; cert: string; key: string }): Promise<number>;
  modify(count: number): Promise<Modified>;
  uncordon(argument: undefined): number;
  cordon(argument: undefined): void;
  /** Creates and deletes so many marked pods, each under a name of its own. */
  comeAndGo(count: number): Promise<void>;
  pruned(argument: undefined): Pruned;
  cpuSeconds(argument: undefined): number;
  /** How many single pods were read whole, and not as metadata alone. */
  wholePodReads(argument: undefined): number;
};

const BOOKMARK_EVERY_MS = 60_000;
const BATCH = 32;

let state: ClusterState;
/** By kind, for pods also by the number of the profile. */
const watches = new Map<string, ServerResponse>();
const podWatch = (profile: number) => (profile === 0 ? 'pods' : `pods ${profile}`);
let wholePodReads = 0;
let pruned = { count: 0, firstAt: 0, lastAt: 0, calls: 0 };

async function start({ size, cert, key }: { size: Size; cert: string; key: string }): Promise<number> {
  state = new ClusterState(size);
  const server = createServer({ cert, key }, (request, response) => void serve(request, response));
  server.keepAliveTimeout = 120_000;
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  setInterval(() => {
    for (const [kind, response] of watches) {
      response.write(
        event('BOOKMARK', `{"kind":"${kind.split(' ')[0]}","metadata":{"resourceVersion":"${state.resourceVersion}"}}`),
      );
    }
  }, BOOKMARK_EVERY_MS).unref();
  return (server.address() as AddressInfo).port;
}

const REVIEWS = '/selfsubjectaccessreviews';
/** The hook is not ready before it has asked for its permissions. */
const GRANTED = '{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":true}}';

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  pruned.calls++;
  const url = new URL(request.url ?? '/', 'http://stand-in');
  if (request.method === 'GET') return get(url, request.headers.accept, response);
  const body = await read(request);
  if (request.method === 'PATCH') return patch(url.pathname, body, response);
  if (request.method === 'POST') return answer(response, 201, url.pathname.endsWith(REVIEWS) ? GRANTED : body);
  answer(response, 404, NOT_FOUND);
}

const NOT_FOUND = '{"kind":"Status","code":404,"reason":"NotFound"}';

function get({ pathname, searchParams }: URL, accept: string | undefined, response: ServerResponse): void {
  const kind = ClusterState.kindOf(pathname);
  if (kind !== undefined && searchParams.get('watch') === 'true')
    watch(kind, state.selected(kind, searchParams.get('labelSelector')).first, response);
  else if (kind !== undefined) list(kind, searchParams, response);
  else getPod(pathname, accept, response);
}

const POD_PATH = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)$/;
const METADATA_ALONE = 'as=PartialObjectMetadata';

/** As a real API server: metadata alone where that is asked for, else the whole pod. */
function getPod(path: string, accept: string | undefined, response: ServerResponse): void {
  const [, namespace = '', name = ''] = POD_PATH.exec(path) ?? [];
  const isMetadata = accept?.includes(METADATA_ALONE) === true;
  const found = isMetadata ? state.podMetadata(namespace, name) : state.pod(namespace, name);
  if (found !== undefined && !isMetadata) wholePodReads++;
  answer(response, found === undefined ? 404 : 200, found ?? NOT_FOUND);
}

function list(kind: Kind, query: URLSearchParams, response: ServerResponse): void {
  const { first, step, count } = state.selected(kind, query.get('labelSelector'));
  const from = Number(query.get('continue') ?? 0);
  const to = Math.min(from + Number(query.get('limit') ?? 500), count);
  const items = Array.from({ length: to - from }, (_, i) => state.json(kind, first + (from + i) * step));
  const next = to < count ? `,"continue":"${to}"` : '';
  const metadata = `{"resourceVersion":"${state.resourceVersion}"${next}}`;
  answer(response, 200, `{"kind":"List","apiVersion":"v1","metadata":${metadata},"items":[${items.join(',')}]}`);
}

function watch(kind: Kind, profile: number, response: ServerResponse): void {
  const key = kind === 'pods' ? podWatch(profile) : kind;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  watches.set(key, response);
  response.once('close', () => watches.get(key) === response && watches.delete(key));
}

/** Changes one pod after the other, as fast as the watches take it. */
async function modify(count: number): Promise<Modified> {
  let lastPod = 0;
  for (let sent = 0; sent < count; sent += BATCH) {
    const pods = Array.from({ length: Math.min(BATCH, count - sent) }, (_, i) => (sent + i) % state.size.pods);
    lastPod = pods.at(-1) ?? lastPod;
    for (const [profile, some] of Map.groupBy(pods, (pod) => state.profileOf(pod))) {
      const response = watches.get(podWatch(profile));
      if (response === undefined) throw new Error('nobody watches pods');
      const batch = some.map((pod) => event('MODIFIED', state.touchPod(pod))).join('');
      if (!response.write(batch)) await once(response, 'drain');
    }
  }
  return { lastPod, lastVersion: state.podVersion(lastPod) };
}

/** One event that settles every pod. Returns when it was sent, epoch milliseconds. */
function uncordon(): number {
  watches.get('nodes')?.write(event('MODIFIED', state.uncordon()));
  return Date.now();
}

function cordon(): void {
  watches.get('nodes')?.write(event('MODIFIED', state.cordon()));
}

async function comeAndGo(count: number): Promise<void> {
  const response = watches.get('pods');
  if (response === undefined) throw new Error('nobody watches pods');
  for (let n = 0; n < count; n++) {
    const text = event('ADDED', state.passing(n)) + event('DELETED', state.passing(n));
    if (!response.write(text)) await once(response, 'drain');
  }
}

function patch(path: string, body: string, response: ServerResponse): void {
  const [, , , , , namespace = '', , name = ''] = path.split('/');
  const [test] = JSON.parse(body) as { path: string; value: unknown }[];
  const key = test?.path.replace('/metadata/annotations/', '').replaceAll('~1', '/').replaceAll('~0', '~') ?? '';
  const cluster = state.removeEntry(namespace, name, key, test?.value);
  if (cluster === undefined) {
    answer(response, 422, '{"kind":"Status","code":422,"reason":"Invalid"}');
    return;
  }
  const now = Date.now();
  pruned = { ...pruned, count: pruned.count + 1, firstAt: pruned.firstAt || now, lastAt: now };
  answer(response, 200, cluster);
  watches.get('couchbaseclusters')?.write(event('MODIFIED', cluster));
}

function event(type: string, object: string): string {
  return `{"type":"${type}","object":${object}}\n`;
}

function answer(response: ServerResponse, code: number, body: string): void {
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf-8');
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

answerCalls({
  start,
  modify,
  uncordon,
  cordon,
  comeAndGo,
  pruned: () => pruned,
  cpuSeconds,
  wholePodReads: () => wholePodReads,
} satisfies StandInHandlers);
