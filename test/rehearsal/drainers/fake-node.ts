import type { DrainerClock } from '../../../rehearsal/drainers/clock.ts';
import type { Drainer } from '../../../rehearsal/drainers/drainer.ts';
import type { ApiClient, ApiRequest, JsonObject } from '../../../src/kube/client.ts';
import { ApiUnreachableError } from '../../../src/kube/errors.ts';
import { refusal } from '../../support/api.ts';
import { FakeClock, settle } from '../../support/time.ts';

interface PodOptions {
  readonly owner?: string;
  readonly isMirror?: boolean;
  readonly phase?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** One eviction that was asked for. `atMs` is since the start. */
interface Asked {
  readonly atMs: number;
  readonly pod: string;
  readonly body: JsonObject;
}

interface Drained {
  readonly code: number | undefined;
  readonly ended: Promise<void>;
}

interface Stored {
  uid: string;
  node: string;
  isTerminating: boolean;
  readonly options: PodOptions;
}

/** A node and its pods, as a drainer meets them. Time passes when it is told to. */
export class FakeNode {
  readonly time = new FakeClock();
  readonly asked: Asked[] = [];
  /** What was deleted, without an eviction. */
  readonly deleted: { readonly atMs: number; readonly pod: string; readonly body: unknown }[] = [];
  /** What is said by the drainer that `drain` runs. */
  readonly lines: string[] = [];
  spec: { unschedulable?: boolean; taints?: readonly JsonObject[] } = {};
  /** The code that an eviction is answered with; 0 is no answer at all. */
  answer: (pod: string) => number = () => 201;
  /** What a refusal says. */
  words = 'so';
  /** How long an answer takes. */
  answerMs = 0;
  /** What becomes of a pod that is evicted. */
  evicted: (pod: string) => void = (pod) => this.pods.delete(pod);
  readonly pods = new Map<string, Stored>();
  readonly #startedAt = this.time.monotonicNow();
  #uids = 0;

  get elapsedMs(): number {
    return Math.round(this.time.monotonicNow() - this.#startedAt);
  }

  readonly clock: DrainerClock = {
    now: this.time.monotonicNow,
    sleep: (ms, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = this.time.setTimer(resolve, ms);
      const end = () => {
        timer.cancel();
        reject(signal.reason);
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
      return promise;
    },
  };

  /** A pod of a ReplicaSet on the node, where nothing else is said. */
  add(name: string, options: PodOptions = {}, node = 'node-1'): void {
    this.pods.set(name, { uid: `uid-${++this.#uids}`, node, isTerminating: false, options });
  }

  /** As its operator does it: the name comes back, somewhere else. */
  move(name: string): void {
    this.add(name, {}, 'node-2');
  }

  terminate(name: string): void {
    const pod = this.pods.get(name);
    if (pod !== undefined) pod.isTerminating = true;
  }

  readonly client: ApiClient = {
    json: async (call) => {
      call.signal?.throwIfAborted();
      return this.#answer(call);
    },
    stream: () => Promise.reject(new Error('a drainer does not watch')),
  };

  /** Lets a drainer work on the node as far as it comes without time passing; its code is undefined until it ends. */
  async drain(drainer: Drainer, signal?: AbortSignal): Promise<Drained> {
    const result: { code: number | undefined; ended: Promise<void> } = { code: undefined, ended: Promise.resolve() };
    const request = { node: 'node-1', timeoutMs: 3_600_000, onLine: (line: string) => void this.lines.push(line) };
    result.ended = drainer.drain({ ...request, ...(signal ? { signal } : {}) }).then((code) => {
      result.code = code;
    });
    await settle();
    return result;
  }

  async #answer({ method, path, body, signal }: ApiRequest): Promise<JsonObject> {
    if (path === '/api/v1/nodes/node-1') {
      if (method === 'PATCH') this.spec = { ...this.spec, ...(body as { spec: object }).spec };
      return { spec: this.spec };
    }
    if (path === '/api/v1/pods') {
      const here = [...this.pods].filter(([, { node }]) => node === 'node-1');
      return { items: here.map(([name, pod]) => rawPod(name, pod)) };
    }
    const [, name = ''] = /^\/api\/v1\/namespaces\/db\/pods\/([^/]+)/.exec(path) ?? [];
    if (method === 'POST') return this.#evict(name, body as JsonObject, signal);
    const pod = this.pods.get(name);
    if (pod === undefined) throw refusal(404, { reason: 'NotFound' });
    if (method === 'DELETE') {
      this.deleted.push({ atMs: this.elapsedMs, pod: name, body });
      this.pods.delete(name);
    }
    return rawPod(name, pod);
  }

  /** When each eviction was asked for, of that pod or of all. */
  timesOf(wanted?: string): number[] {
    return this.asked.filter(({ pod }) => pod === (wanted ?? pod)).map(({ atMs }) => atMs);
  }

  async #evict(pod: string, body: JsonObject, signal = new AbortController().signal): Promise<JsonObject> {
    this.asked.push({ atMs: this.elapsedMs, pod, body });
    if (this.answerMs > 0) await this.clock.sleep(this.answerMs, signal);
    const code = this.answer(pod);
    if (code === 0) throw new ApiUnreachableError('fake', new Error('reset'));
    if (code !== 201) throw refusal(code, { message: this.words });
    this.evicted(pod);
    return {};
  }
}

function rawPod(name: string, { uid, node, isTerminating, options }: Stored): JsonObject {
  const { owner = 'ReplicaSet', isMirror = false, phase = 'Running', labels = {} } = options;
  return {
    metadata: {
      namespace: 'db',
      name,
      uid,
      labels,
      ownerReferences: [{ kind: owner, controller: true }],
      ...(isMirror ? { annotations: { 'kubernetes.io/config.mirror': 'x' } } : {}),
      ...(isTerminating ? { deletionTimestamp: 'now' } : {}),
    },
    spec: { nodeName: node },
    status: { phase },
  };
}
