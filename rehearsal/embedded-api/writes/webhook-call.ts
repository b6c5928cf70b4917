import { Agent, request } from 'node:https';
import { describeError } from '../../../src/kube/errors.ts';

export interface ClientConfig {
  readonly url?: string;
  /** Base64 of PEM. */
  readonly caBundle?: string;
  readonly service?: { readonly namespace: string; readonly name: string };
}

/** Posts a review to a webhook and returns the parsed answer. Rejects in the words of the real API server. */
export async function callWebhook(config: ClientConfig, timeoutSeconds: number, review: unknown): Promise<unknown> {
  const { url: given, service, caBundle } = config;
  if (given === undefined) throw failed(`service "${service?.name ?? ''}" not found`);
  const url = new URL(given);
  url.searchParams.set('timeout', `${timeoutSeconds}s`);
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  const { code, body } = await post(url, caBundle, JSON.stringify(review), signal).catch((error: unknown) => {
    throw failed(`Post "${url}": ${signal.aborted ? 'context deadline exceeded' : describeError(error)}`);
  });
  if (code < 200 || code > 299) throw failed(refusalIn(body) ?? `the server returned ${code}`);
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    throw failed(describeError(error));
  }
}

const failed = (why: string) => new Error(`failed to call webhook: ${why}`);

function post(
  url: URL,
  caBundle: string | undefined,
  payload: string,
  signal: AbortSignal,
): Promise<{ code: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; body: string }>();
  const outgoing = request(url, {
    method: 'POST',
    agent: agentFor(caBundle),
    signal,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, */*',
      'user-agent': 'kube-apiserver-admission',
      'content-length': Buffer.byteLength(payload),
    },
  });
  outgoing.on('error', reject);
  outgoing.on('response', (incoming) => {
    let body = '';
    incoming.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    incoming.on('error', reject);
    incoming.on('end', () => resolve({ code: incoming.statusCode ?? 0, body }));
  });
  outgoing.end(payload);
  return promise;
}

const agents = new Map<string | undefined, Agent>();

/** Connections are kept, as the real API server keeps them. One that a hook closed when it ended is not used again. */
function agentFor(caBundle: string | undefined): Agent {
  const known = agents.get(caBundle);
  if (known !== undefined) return known;
  const trust = caBundle === undefined ? {} : { ca: Buffer.from(caBundle, 'base64') };
  const agent = new Agent({ keepAlive: true, ...trust });
  agents.set(caBundle, agent);
  return agent;
}

/** client-go puts what a server says with its refusal into the error, where it is a Status. */
function refusalIn(body: string): string | undefined {
  try {
    const { kind, message } = JSON.parse(body) as { kind?: unknown; message?: unknown };
    return kind === 'Status' && typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
