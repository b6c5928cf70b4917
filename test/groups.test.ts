import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type EmbeddedCluster, startEmbedded } from '../rehearsal/embedded-api/cluster.ts';
import { systemClock } from '../src/async/system-clock.ts';
import { readConfig } from '../src/config/config.ts';
import { policySettingsOf } from '../src/config/policy-settings.ts';
import { type Core, createCore } from '../src/core.ts';
import type { ApiClient, ApiRequest, JsonObject } from '../src/kube/client.ts';
import { podPath } from '../src/kube/paths.ts';
import { connect } from '../testkit/connect.ts';
import { aLog } from './support/log.ts';
import { untilTrue } from './support/until-true.ts';

const settings = policySettingsOf(readConfig({ PROFILES: 'tidb-v1-tikv' }));
const LABELS = {
  'app.kubernetes.io/managed-by': 'tidb-operator',
  'app.kubernetes.io/name': 'tidb-cluster',
  'app.kubernetes.io/component': 'tikv',
  'app.kubernetes.io/instance': 'basic',
};
const MARK = 'tidb.pingcap.com/evict-leader';
/** More than an admission takes. */
const CALLS_MAX = 12;

/** Holds up one call of a replica, before the API server has it or after it has answered. */
class Pause {
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

interface Replica {
  readonly core: Core;
  pause: Pause | undefined;
}

let cluster: EmbeddedCluster;
let client: ApiClient;
let close: () => void | Promise<void>;
let one: Replica;
let other: Replica;

before(async () => {
  cluster = await startEmbedded({ nodes: 2 });
  ({ client, close } = await connect(cluster.kubeconfigPath));
  const body = { spec: { unschedulable: true } };
  await client.json({
    method: 'PATCH',
    path: '/api/v1/nodes/node-1',
    contentType: 'application/merge-patch+json',
    body,
  });
  [one, other] = await Promise.all([aReplica('one'), aReplica('other')]);
});

after(async () => {
  await Promise.all([one.core.stop(), other.core.stop()]);
  await close();
  await cluster.stop();
});

async function aReplica(instance: string): Promise<Replica> {
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

async function create(namespace: string, name: string): Promise<void> {
  const spec = { nodeName: 'node-1', containers: [{ name: 'a', image: 'a' }] };
  await client.json({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/pods`,
    body: { metadata: { name, labels: LABELS }, spec },
  });
}

/** Three stores of one cluster, Ready and known to both replicas. */
async function stores(namespace: string): Promise<void> {
  await client.json({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } });
  const names = ['tikv-0', 'tikv-1', 'tikv-2'];
  for (const name of names) await create(namespace, name);
  const isKnown = ({ core: { cache } }: Replica) =>
    names.every((name) => cache.pods.get(`${namespace}/${name}`)?.ready) &&
    [...cache.trackers.values()].some(({ name }) => name === namespace);
  await untilTrue('the pods', () => isKnown(one) && isKnown(other));
}

async function evict({ core }: Replica, namespace: string, name: string): Promise<string> {
  const request = { isEviction: true, namespace, name, username: 'drainer', dryRun: false };
  const { kind, reason } = await core.admitter.admit(request, AbortSignal.timeout(20_000));
  return `${kind} ${reason}`;
}

async function marked(namespace: string): Promise<string[]> {
  const { items } = await client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
  const carry = (items as JsonObject[]).filter(({ metadata }) => (metadata as Meta).annotations?.[MARK] !== undefined);
  return carry.map(({ metadata }) => (metadata as Meta).name);
}

interface Meta {
  readonly name: string;
  readonly annotations?: Record<string, string>;
}

describe('two replicas, and a profile of which one pod of a group may be under way', () => {
  for (const when of ['before', 'after'] as const) {
    test(`never mark two, wherever one of them pauses ${when} a call`, async () => {
      let at = 1;
      for (; at < CALLS_MAX; at++) {
        const namespace = `${when}-${at}`;
        await stores(namespace);
        one.pause = new Pause(at, when);
        const first = evict(one, namespace, 'tikv-0');
        const isPaused = await Promise.race([one.pause.reached.promise.then(() => true), first.then(() => false)]);
        const second = await evict(other, namespace, 'tikv-1');
        one.pause.release();
        const answers = [await first, second];
        one.pause = undefined;
        const who = await marked(namespace);
        assert.equal(who.length, 1, `${namespace}: ${who}; ${answers}`);
        assert.equal(answers.filter((answer) => answer === 'mark Marked').length, 1, `${namespace}: ${answers}`);
        assert.ok(answers.includes('deny GroupBusy'), `${namespace}: ${answers}`);
        if (!isPaused) break;
      }
      assert.ok(at > 4 && at < CALLS_MAX, `an admission makes ${at - 1} calls`);
    });
  }

  test('a store that is away keeps the others waiting until it is back and Ready', async () => {
    const namespace = 'away';
    await stores(namespace);
    assert.equal(await evict(one, namespace, 'tikv-0'), 'mark Marked');
    assert.equal(await evict(other, namespace, 'tikv-1'), 'deny GroupBusy');
    await client.json({ method: 'DELETE', path: podPath(namespace, 'tikv-0'), body: { gracePeriodSeconds: 0 } });
    await untilTrue('its end', () => one.core.cache.pods.get(`${namespace}/tikv-0`) === undefined);
    assert.equal(await evict(one, namespace, 'tikv-1'), 'deny GroupBusy', 'nothing has taken its place');
    await create(namespace, 'tikv-0');
    await untilTrue('its successor', () => one.core.cache.pods.get(`${namespace}/tikv-0`)?.ready === true);
    assert.equal(await evict(one, namespace, 'tikv-1'), 'mark Marked');
    assert.deepEqual(await marked(namespace), ['tikv-1']);
  });

  test('many evictions at once: one is marked', async () => {
    const namespace = 'many';
    await stores(namespace);
    const names = ['tikv-0', 'tikv-1', 'tikv-2'];
    const answers = await Promise.all(
      [one, other].flatMap((replica) => names.map((name) => evict(replica, namespace, name))),
    );
    assert.equal((await marked(namespace)).length, 1, `${answers}`);
    assert.ok(
      answers.every((answer) => /^mark Marked|^deny (GroupBusy|Waiting|Doubt)/.test(answer)),
      `${answers}`,
    );
  });
});
