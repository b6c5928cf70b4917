import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../../../testkit/control-plane/control-plane.ts';

export interface StormRequest {
  readonly namespace: string;
  readonly pod: string;
  /** As a precondition. */
  readonly uid?: string;
  /** In the body, as kubectl asks for it. */
  readonly dryRun?: boolean;
}

export interface StormAnswer<R extends StormRequest> {
  readonly request: R;
  readonly code: number;
  readonly message: string;
  /** From when it was sent for the last time. */
  readonly durationMs: number;
  /** How often the API server had too much to do already: it said so and asked nobody, or ended the connection. */
  readonly turnedAway: number;
}

/** The group of all drainers; to be bound to a role. */
export const DRAINERS = 'drainers';
/** As many as there are queues for the requests of service accounts. */
const USERS = 128;

/** Streams on one connection that every API server allows. */
const STREAMS = 100;
/** What an API server says that has too much to do, in plain text, and after what time kubectl asks again. */
const TOO_MANY = 'Too many requests';
const RETRY_AFTER_MS = 5_000;

/**
 * Sends evictions to the API server, all of them at once, and resolves to what was answered. They come from many service
 * accounts, so that the API server shares itself out among them as it does in life. Those that find its queues full are
 * turned away, and come again.
 */
export async function storm<R extends StormRequest>(
  controlPlane: ControlPlane,
  requests: readonly R[],
): Promise<StormAnswer<R>[]> {
  const connections = new Connections(controlPlane, Math.ceil(requests.length / STREAMS));
  try {
    return await Promise.all(requests.map((request, i) => insist(connections, i, controlPlane, request)));
  } finally {
    await connections.close();
  }
}

/** Connections that are opened when they are needed, and again where the API server has ended one. */
class Connections {
  readonly #controlPlane: ControlPlane;
  readonly #sessions: Promise<ClientHttp2Session>[];

  constructor(controlPlane: ControlPlane, count: number) {
    this.#controlPlane = controlPlane;
    this.#sessions = Array.from({ length: count }, () => opened(controlPlane));
  }

  async get(n: number): Promise<ClientHttp2Session> {
    const index = n % this.#sessions.length;
    const known = this.#sessions[index];
    const session = await known;
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    // Whoever comes first opens it for all.
    if (this.#sessions[index] === known) this.#sessions[index] = opened(this.#controlPlane);
    return this.get(n);
  }

  async close(): Promise<void> {
    for (const session of await Promise.all(this.#sessions)) session.destroy();
  }
}

function opened({ server, caData: ca }: ControlPlane): Promise<ClientHttp2Session> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientHttp2Session>();
  const session = connect(server, { ca });
  session.once('connect', () => resolve(session));
  session.on('error', reject);
  return promise;
}

async function insist<R extends StormRequest>(
  connections: Connections,
  n: number,
  { adminToken }: ControlPlane,
  request: R,
): Promise<StormAnswer<R>> {
  const headers = {
    ':method': 'POST',
    ':path': `/api/v1/namespaces/${request.namespace}/pods/${request.pod}/eviction`,
    authorization: `Bearer ${adminToken}`,
    'impersonate-user': `system:serviceaccount:drainers:drainer-${n % USERS}`,
    'impersonate-group': [DRAINERS, 'system:serviceaccounts', 'system:authenticated'],
    'content-type': 'application/json',
  };
  for (let turnedAway = 0; ; turnedAway++) {
    const startedAt = performance.now();
    const { code, text } = await send(await connections.get(n), headers, request);
    if (code === 0 || (code === 429 && text.startsWith(TOO_MANY))) {
      await sleep(RETRY_AFTER_MS);
      continue;
    }
    const { message = '' } = JSON.parse(text) as { message?: string };
    return { request, code, message, durationMs: performance.now() - startedAt, turnedAway };
  }
}

function send(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  { namespace, pod, uid, dryRun }: StormRequest,
): Promise<{ code: number; text: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; text: string }>();
  const stream = session.request(headers);
  let code = 0;
  let text = '';
  stream.setEncoding('utf-8');
  stream.once('response', (head) => {
    code = head[':status'] ?? 0;
  });
  stream.on('data', (chunk: string) => {
    text += chunk;
  });
  let isWhole = false;
  stream.once('end', () => {
    isWhole = true;
  });
  stream.once('close', () => resolve(isWhole && text !== '' ? { code, text } : { code: 0, text: '' }));
  // Told by its close.
  stream.on('error', () => undefined);
  const deleteOptions = {
    ...(uid === undefined ? {} : { preconditions: { uid } }),
    ...(dryRun === true ? { dryRun: ['All'] } : {}),
  };
  stream.end(
    JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name: pod }, deleteOptions }),
  );
  return promise;
}
