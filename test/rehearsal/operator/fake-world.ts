import type { ApiClient, ApiRequest, JsonObject } from '../../../src/kube/client.ts';
import { ApiError } from '../../../src/kube/errors.ts';

/** A pod as it is kept by the fake; `uid` tells its instances apart. */
export interface FakePod {
  name: string;
  uid: string;
  phase: string;
  ready: boolean;
  node?: string;
  annotations: Record<string, string>;
}

/**
 * As much of an API server as the operator uses, with one cluster `db/cb`. Every pod is Running and Ready at the next
 * `tick`, unless `starts` says no.
 */
export class FakeWorld {
  readonly pods = new Map<string, FakePod>();
  /** Writes in order, as `POST cb-0000`. */
  readonly writes: string[] = [];
  readonly cluster: { metadata: object; spec: Record<string, unknown>; status?: Record<string, unknown> };
  readonly statuses: JsonObject[] = [];
  starts: (pod: FakePod) => boolean = () => true;
  /** Asked before every call; an error is the answer. */
  refuse: (call: ApiRequest) => ApiError | undefined = () => undefined;
  #uids = 0;

  constructor(spec: Record<string, unknown>) {
    this.cluster = { metadata: { namespace: 'db', name: 'cb', uid: 'cluster-uid' }, spec };
  }

  tick(): void {
    for (const pod of this.pods.values()) {
      if (this.starts(pod)) Object.assign(pod, { phase: 'Running', ready: true, node: pod.node ?? 'node-1' });
    }
  }

  mark(name: string, key = 'cao.couchbase.com/reschedule', value = 'true'): void {
    const pod = this.pods.get(name);
    if (pod === undefined) throw new Error(`no pod ${name}`);
    pod.annotations[key] = value;
  }

  readonly client: ApiClient = {
    json: async (call) => {
      const error = this.refuse(call);
      if (error !== undefined) throw error;
      return this.#answer(call);
    },
    stream: () => Promise.reject(new Error('the operator does not watch')),
  };

  #answer(call: ApiRequest): JsonObject {
    const name = call.path.split('/').at(-1) ?? '';
    switch (call.method) {
      case 'GET':
        return { items: name === 'pods' ? [...this.pods.values()].map(rawPod) : [structuredClone(this.cluster)] };
      case 'PATCH':
        return this.#writeStatus(call.body as { status: Record<string, unknown> });
      case 'POST':
        return this.#create((call.body as { metadata: { name: string } }).metadata.name);
      case 'DELETE':
        return this.#delete(name, call.body as { preconditions: { uid: string }; gracePeriodSeconds: number });
      case 'PUT':
        throw new Error('the operator does not PUT');
    }
  }

  #writeStatus({ status }: { status: Record<string, unknown> }): JsonObject {
    this.cluster.status = { ...this.cluster.status, ...(inOrder(status) as Record<string, unknown>) };
    this.statuses.push(status);
    return {};
  }

  #create(name: string): JsonObject {
    if (this.pods.has(name)) throw new ApiError(409, 'POST', { reason: 'AlreadyExists' });
    const uid = `uid-${++this.#uids}`;
    this.writes.push(`POST ${name}`);
    this.pods.set(name, { name, uid, phase: 'Pending', ready: false, annotations: {} });
    return { metadata: { name, uid } };
  }

  #delete(name: string, body: { preconditions: { uid: string }; gracePeriodSeconds: number }): JsonObject {
    if (this.pods.get(name)?.uid !== body.preconditions.uid) throw new ApiError(409, 'DELETE', { reason: 'Conflict' });
    this.writes.push(`DELETE ${name} grace ${body.gracePeriodSeconds}`);
    this.pods.delete(name);
    return {};
  }
}

/** As the API server gives back the fields of an object: by name. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, inOrder(field)]));
}

function rawPod({ name, uid, phase, ready, node, annotations }: FakePod): JsonObject {
  return {
    metadata: { namespace: 'db', name, uid, annotations: { ...annotations } },
    spec: node === undefined ? {} : { nodeName: node },
    status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}
