import { type Agent, request } from 'undici';
import type { Cluster } from '../../../../testkit/cluster.ts';
import { NotYet, until } from '../../../../testkit/until.ts';

/** A cluster under the contract: the embedded one, or a real control plane. */
export interface Subject extends Pick<Cluster, 'kubeconfigPath' | 'dir' | 'nodes' | 'stop'> {
  readonly server: string;
  readonly caData: string;
  readonly adminToken: string;
  /** Absent where none is installed: its cases are left out then. */
  readonly kubectl?: string;
  /** Forgets every earlier version, and starts the API server again. */
  forget(): Promise<void>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly token?: string;
}

export interface Answer {
  readonly code: number;
  // biome-ignore lint/suspicious/noExplicitAny: any answer of an API
  readonly body: any;
  readonly warnings: readonly string[];
}

/** One thing that both must do alike. `expected` is compared with what `run` resolves to, masked (see `mask`). */
export interface Case {
  readonly name: string;
  run(api: Api): Promise<unknown>;
  readonly expected: unknown;
}

export const MERGE = 'application/merge-patch+json';
export const JSON_PATCH = 'application/json-patch+json';
export const STRATEGIC = 'application/strategic-merge-patch+json';
export const APPLY = 'application/apply-patch+yaml';

/** Raw calls to one subject, in a namespace of the case's own. */
export class Api {
  readonly subject: Subject;
  readonly namespace: string;
  readonly #dispatcher: Agent;
  readonly #ends: (() => Promise<unknown>)[] = [];

  constructor(subject: Subject, namespace: string, dispatcher: Agent) {
    this.subject = subject;
    this.namespace = namespace;
    this.#dispatcher = dispatcher;
  }

  /** Under the namespace of this case: `pods/a`, or `/apis/policy/v1 poddisruptionbudgets/b`. */
  path(resource: string, base = '/api/v1'): string {
    return `${base}/namespaces/${this.namespace}/${resource}`;
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { body, contentType = 'application/json', accept = 'application/json', token } = options;
    const { server, adminToken } = this.subject;
    const response = await request(server + path, {
      dispatcher: this.#dispatcher,
      method: method as 'GET',
      headers: {
        accept,
        authorization: `Bearer ${token ?? adminToken}`,
        'user-agent': 'contract/1',
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.body.text();
    const warnings = [response.headers.warning ?? []].flat();
    return { code: response.statusCode, body: parsed(text), warnings };
  }

  /** The events of a watch until its own time is over, one second. */
  // biome-ignore lint/suspicious/noExplicitAny: any event
  async watch(path: string, query: string): Promise<{ readonly type: string; readonly object: any }[]> {
    const { body } = await this.call('GET', `${path}?watch=true&timeoutSeconds=1&${query}`);
    if (typeof body !== 'string') return body === undefined ? [] : [body];
    return body.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  }

  async createPod(name: string, more: { metadata?: object; spec?: object } = {}): Promise<Answer> {
    return this.call('POST', this.path('pods'), { body: aPod(name, more) });
  }

  /** A pod that runs and is Ready. */
  async runPod(name: string, more: { metadata?: object; spec?: object } = {}): Promise<Answer['body']> {
    await this.createPod(name, more);
    return this.until(async () => {
      const { body } = await this.call('GET', this.path(`pods/${name}`));
      const ready = body.status?.conditions?.find(({ type }: { type: string }) => type === 'Ready');
      return ready?.status === 'True' && body;
    });
  }

  evict(name: string, more: { deleteOptions?: object; metadata?: object; query?: string } = {}): Promise<Answer> {
    const { query = '', metadata, ...rest } = more;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, ...metadata }, ...rest };
    return this.call('POST', `${this.path(`pods/${name}/eviction`)}${query}`, { body });
  }

  /** Asks again until the answer is something. */
  until<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
    return until('what the case waits for', async () => {
      const found = await probe();
      if (found === undefined || found === false) throw new NotYet('not yet');
      return found;
    });
  }

  atEnd(end: () => Promise<unknown>): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
  }
}

export const aPod = (name: string, { metadata = {}, spec = {} }: { metadata?: object; spec?: object } = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { containers: [{ name: 'main', image: 'none' }], ...spec },
});

/** Code, reason and message of a Status, and where it says more. */
export function told({ code, body }: Answer): unknown {
  const { reason, message, details } = body;
  return { code, ...(reason ? { reason } : {}), ...(message ? { message } : {}), ...(details ? { details } : {}) };
}

/** What differs from run to run, by what it is. */
export function mask(value: unknown, api: Api): unknown {
  const text =
    JSON.stringify(value, (key, inner) => (key === 'resourceVersion' && inner ? '<version>' : inner)) ?? 'null';
  return JSON.parse(
    text
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uid>')
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
      .replaceAll(/127\.0\.0\.1:\d+/g, '<address>')
      .replaceAll(new RegExp(`${api.namespace}\\b`, 'g'), '<namespace>'),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
