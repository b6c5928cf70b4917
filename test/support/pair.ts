import { type EmbeddedCluster, startEmbedded } from '../../rehearsal/embedded-api/cluster.ts';
import { systemClock } from '../../src/async/system-clock.ts';
import { type Core, createCore } from '../../src/core.ts';
import type { ApiClient, ApiRequest, JsonObject } from '../../src/kube/client.ts';
import type { PolicySettings } from '../../src/policy/profiles/profile.ts';
import { connect } from '../../testkit/connect.ts';
import { aLog } from './log.ts';
import { untilTrue } from './until-true.ts';

/** Holds up one call of a replica, before the API server has it or after it has answered. */
export class Pause {
  readonly reached = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  readonly #at: number;
  readonly #when: 'before' | 'after';
  #calls = 0;

  constructor(at: number, when: 'before' | 'after') {
    this.#at = at;
    this.#when = when;
  }

  release(): void {
    this.#released.resolve();
  }

  async run<T>(call: () => Promise<T>): Promise<T> {
    const isIt = ++this.#calls === this.#at;
    if (isIt && this.#when === 'before') await this.#hold();
    const answer = await call();
    if (isIt && this.#when === 'after') await this.#hold();
    return answer;
  }

  async #hold(): Promise<void> {
    this.reached.resolve();
    await this.#released.promise;
  }
}

export interface Replica {
  readonly core: Core;
  pause: Pause | undefined;
}

interface Meta {
  readonly name: string;
  readonly annotations?: Record<string, string>;
}

/** Two replicas of the hook on one embedded API server, and pods that all have the same labels. node-1 is cordoned. */
export class Pair {
  readonly client: ApiClient;
  readonly one: Replica;
  readonly other: Replica;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #end: () => Promise<void>;

  constructor(
    client: ApiClient,
    [one, other]: readonly [Replica, Replica],
    labels: Readonly<Record<string, string>>,
    end: () => Promise<void>,
  ) {
    this.client = client;
    this.one = one;
    this.other = other;
    this.#labels = labels;
    this.#end = end;
  }

  async stop(): Promise<void> {
    await Promise.all([this.one.core.stop(), this.other.core.stop()]);
    await this.#end();
  }

  async create(namespace: string, name: string): Promise<void> {
    const spec = { nodeName: 'node-1', containers: [{ name: 'a', image: 'a' }] };
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await this.client.json({ method: 'POST', path, body: { metadata: { name, labels: this.#labels }, spec } });
  }

  /** A namespace with these pods, Ready and known to both replicas. */
  async members(namespace: string, names: readonly string[]): Promise<void> {
    await this.client.json({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } });
    for (const name of names) await this.create(namespace, name);
    const isKnown = ({ core: { cache } }: Replica) =>
      names.every((name) => cache.pods.get(`${namespace}/${name}`)?.ready) &&
      [...cache.trackers.values()].some(({ name }) => name === namespace);
    await untilTrue('the pods', () => isKnown(this.one) && isKnown(this.other));
  }

  /** Evicts one pod by each replica, the first of which pauses at that call. False: it makes no such call. */
  async evictBoth(namespace: string, names: readonly [string, string], pause: Pause) {
    this.one.pause = pause;
    const first = evict(this.one, namespace, names[0]);
    const isPaused = await Promise.race([pause.reached.promise.then(() => true), first.then(() => false)]);
    const second = await evict(this.other, namespace, names[1]);
    pause.release();
    const answers = [await first, second];
    this.one.pause = undefined;
    return { isPaused, answers };
  }

  /** The names of the pods that have the annotation. */
  async marked(namespace: string, mark: string): Promise<string[]> {
    const { items } = await this.client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
    const carry = (items as JsonObject[]).filter(
      ({ metadata }) => (metadata as Meta).annotations?.[mark] !== undefined,
    );
    return carry.map(({ metadata }) => (metadata as Meta).name);
  }
}

/** Kind and reason of the decision. */
export async function evict({ core }: Replica, namespace: string, name: string): Promise<string> {
  const request = { isEviction: true, namespace, name, username: 'drainer', dryRun: false };
  const { kind, reason } = await core.admitter.admit(request, new AbortController().signal);
  return `${kind} ${reason}`;
}

export async function startPair(settings: PolicySettings, labels: Readonly<Record<string, string>>): Promise<Pair> {
  const cluster: EmbeddedCluster = await startEmbedded({ nodes: 2 });
  const { client, close } = await connect(cluster.kubeconfigPath);
  const body = { spec: { unschedulable: true } };
  const contentType = 'application/merge-patch+json';
  await client.json({ method: 'PATCH', path: '/api/v1/nodes/node-1', contentType, body });
  const replicas = await Promise.all([aReplica(client, settings, 'one'), aReplica(client, settings, 'other')]);
  return new Pair(client, replicas, labels, async () => {
    await close();
    await cluster.stop();
  });
}

async function aReplica(client: ApiClient, settings: PolicySettings, instance: string): Promise<Replica> {
  const isOfAdmission = ({ query }: ApiRequest) => query?.watch === undefined && query?.limit === undefined;
  const paused: ApiClient = {
    json: (request) => {
      const call = () => client.json(request);
      return replica.pause && isOfAdmission(request) ? replica.pause.run(call) : call();
    },
    stream: (request) => client.stream(request),
  };
  const log = aLog();
  const core = createCore({ client: paused, settings, clock: systemClock, random: Math.random, log, instance });
  const replica: Replica = { core, pause: undefined };
  core.start();
  await untilTrue('a synced cache', () => core.cache.hasSynced());
  return replica;
}
