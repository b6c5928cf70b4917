import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../../src/async/system-clock.ts';
import { createListWatch, type ListWatch } from '../../../src/informer/list-watch.ts';
import { Reflector } from '../../../src/informer/reflector.ts';
import { Store } from '../../../src/informer/store.ts';
import type { JsonObject } from '../../../src/kube/client.ts';
import { ApiError } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { type Balancer, startBalancer } from '../../../testkit/balancer.ts';
import { findAssets } from '../../../testkit/control-plane/assets.ts';
import type { ApiServer, ControlPlane } from '../../../testkit/control-plane/control-plane.ts';
import { chosenKubernetes, kubernetesVersions, minorOf } from '../../../testkit/control-plane/versions.ts';
import { createPod } from '../../../testkit/couchbase/workload.ts';
import { until } from '../../../testkit/until.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { drainPatiently } from '../support/drainer.ts';
import { inTurn } from '../support/in-turn.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

/*
 * Two API servers on one etcd behind a balancer, the second of the version before where that has been built. The second one
 * reaches etcd through a proxy, so it can be made to lag: what it tells its watches is then old, while the first one answers.
 */
const LAG_MS = 1_500;

const podsPath = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;

let rig: Rig;
let one: ApiServer;
let two: ApiServer;
let balancer: Balancer;
/** Between the second API server and etcd. */
let etcd: TcpProxy;

async function twoApiServers(controlPlane: ControlPlane): Promise<string> {
  etcd = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(controlPlane.etcdUrl).port) });
  const older = kubernetesVersions().find((version) => minorOf(version) === minorOf(chosenKubernetes()) - 1);
  const found = older === undefined ? undefined : findAssets(older);
  const assets = found?.state === 'ready' ? found.assets : controlPlane.assets;
  console.log(
    `the second API server: ${assets === controlPlane.assets ? 'of the same version' : `Kubernetes ${older}`}`,
  );
  one = controlPlane.apiServer;
  two = await controlPlane.addApiServer({ assets, etcdUrl: `http://127.0.0.1:${etcd.port}` });
  balancer = await startBalancer([one.port, two.port]);
  return `https://127.0.0.1:${balancer.port}`;
}

before(async () => {
  rig = await startRig({
    controlPlane: { schedulerRestarts: Number.POSITIVE_INFINITY },
    through: twoApiServers,
  });
  rig.atStop(() => balancer.close());
  rig.atStop(() => etcd.close());
});

after(() => rig?.stop());

/** New connections go to the other one, and the old ones end: the watches move. */
function moveTo(...servers: readonly ApiServer[]): void {
  balancer.use(servers.map(({ port }) => port));
  balancer.reset();
}

/** Each of them is replaced while the other one serves, as in an upgrade of the control plane. */
async function rollingRestart(): Promise<void> {
  for (const [server, other] of [
    [two, one],
    [one, two],
  ] as const) {
    balancer.use([other.port]);
    await server.stop();
    await server.start();
    balancer.use([one.port, two.port]);
  }
}

interface Counted {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly count: number;
}

function counted({ metadata }: JsonObject): Counted {
  const {
    name,
    uid,
    resourceVersion,
    annotations = {},
  } = metadata as {
    name: string;
    uid: string;
    resourceVersion: string;
    annotations?: Record<string, string>;
  };
  return { name, uid, resourceVersion, count: Number(annotations.count ?? 0) };
}

/** Every other watch finds that the server has forgotten where it was: a list has to follow, while pods go on changing. */
function forgetful(listWatch: ListWatch): ListWatch {
  let watches = 0;
  return {
    list: (options) => listWatch.list(options),
    watch: async (options) => {
      if (watches++ % 2 === 1) throw new ApiError(410, 'GET pods', { reason: 'Expired' });
      return listWatch.watch(options);
    },
  };
}

/** Pods that somebody goes on counting up, and a cache of them which hears of its own writes, too, as the hook's does. */
async function countingPods(namespace: string) {
  const { client } = rig;
  const names = Array.from({ length: 150 }, (_, i) => `counted-${i}`);
  await Promise.all(names.map((name) => createPod(client, { namespace, name, labels: { counted: 'yes' } })));
  const store = new Store<Counted>({
    keyOf: ({ name }) => name,
    isSame: (a, b) => a.resourceVersion === b.resourceVersion,
    isOtherInstance: (a, b) => a.uid !== b.uid,
    onHandlerError: (error) => assert.fail(String(error)),
  });
  const backwards: string[] = [];
  store.subscribe((change) => {
    if (change.kind !== 'updated' || change.now.count >= change.before.count) return;
    backwards.push(`${change.key}: ${change.before.count} → ${change.now.count}`);
  });
  let relists = 0;
  const reflector = new Reflector<Counted>({
    name: 'pods',
    listWatch: forgetful(createListWatch(client, podsPath(namespace), 'counted=yes')),
    project: counted,
    sink: store,
    clock: systemClock,
    random: Math.random,
    log: () => undefined,
    backoff: { firstMs: 20, maxMs: 200, resetAfterMs: 1_000 },
    onInterrupted: () => relists++,
  });
  reflector.start();
  const over = new AbortController();
  const counts = new Map<string, number>();
  const count = async (name: string) => {
    while (!over.signal.aborted) {
      const next = (counts.get(name) ?? 0) + 1;
      const body = { metadata: { annotations: { count: String(next) } } };
      const contentType = 'application/merge-patch+json';
      const answer = await client
        .json({ method: 'PATCH', path: podPath(namespace, name), contentType, body })
        .catch(() => undefined);
      // A lost answer: it may have been written or not, and the next one says.
      counts.set(name, next);
      if (answer !== undefined) store.assume(counted(answer));
    }
  };
  const counting = Promise.all(names.filter((_, i) => i % 15 === 0).map(count));
  return {
    store,
    counts,
    backwards,
    get relists() {
      return relists;
    },
    async settle() {
      over.abort();
      await counting;
    },
    stop: () => reflector.stop(),
  };
}

async function trouble(): Promise<void> {
  moveTo(two);
  etcd.delay(LAG_MS);
  moveTo(one);
  moveTo(two);
  moveTo(one, two);
  etcd.pass();
  await rollingRestart();
  moveTo(one);
  moveTo(one, two);
}

describe('two API servers on one etcd', () => {
  test('a cache never goes back in time while its watches move, one server lags, and both are restarted', async (t) => {
    const { client } = rig;
    const namespace = 'counted';
    await client.json({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } });
    await using scene = await aScene({ rig, hook: 'none', namespace: 'beside', size: 1 });
    const counting = await countingPods(namespace);
    await scene.until('the first list', () => counting.store.hasSynced);
    for (let round = 0; round < 2; round++) {
      const before = counting.relists;
      await trouble();
      await scene.until('the watch to have moved', () => counting.relists > before);
    }
    await counting.settle();
    const live = async () => {
      const { items } = (await client.json({ method: 'GET', path: podsPath(namespace) })) as { items: JsonObject[] };
      return new Map(items.map((item) => [counted(item).name, counted(item).count]));
    };
    await scene.until('the cache to be what the API server says', async () => {
      const wanted = await live();
      return [...counting.store.values()].every(({ name, count }) => wanted.get(name) === count);
    });
    await counting.stop();
    assert.ok(
      [...counting.counts.values()].every((count) => count > 10),
      'there was something to miss',
    );
    assert.deepEqual(counting.backwards, []);
    t.diagnostic(`${counting.relists} interruptions, ${Math.max(...counting.counts.values())} writes of a pod`);
  });

  test('S2, S4: two hooks, drains, one server that lags, a rolling restart: each pod moves once', async (t) => {
    const [first, second] = await Promise.all([rig.startHook(), rig.startHook()]);
    const service = await inTurn(await rig.authority.issue(), [first.webhookPort, second.webhookPort]);
    rig.atStop(() => service.close());
    await rig.register('several', service.url);
    const operator = { periodMs: 150, recreateDelayMs: 300, rebalanceMs: 300 };
    await using scene = await aScene({ rig, hook: 'several', namespace: 'several', size: 6, pdb: false, operator });
    const draining = drainPatiently(scene, scene.node(1), { timeoutMs: 240_000 });
    await trouble();
    const { answers, problems } = await draining;
    t.diagnostic(`answers: ${JSON.stringify(answers)}`);
    assert.deepEqual(problems, []);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001', 'cb-0002', 'cb-0003', 'cb-0004', 'cb-0005']);
    await assertAgain(scene);
  });
});

/** Once more, with the old node back and the others cordoned by nobody: what the hooks know must be right by now. */
async function assertAgain(scene: Scene): Promise<void> {
  // Its connection may be one of those that the balancer has just reset.
  await until('the node to be uncordoned', () => scene.cordon(scene.node(1), false));
  const { problems } = await drainPatiently(scene, scene.node(2), { timeoutMs: 240_000 });
  assert.deepEqual(problems, []);
  await scene.assertNobodyEvicted();
}
