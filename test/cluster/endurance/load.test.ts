import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeEntry, entryKey } from '../../../src/policy/entry.ts';
import { createCluster, createNamespace, createPod, entriesOnCluster } from '../../../testkit/couchbase/workload.ts';
import { listPods, type PodView } from '../../../testkit/pods.ts';
import { untilTrue } from '../../support/until-true.ts';
import { type ApiGate, startApiGate } from '../support/api-gate.ts';
import { byDepth, IS_FULL } from '../support/depth.ts';
import { versionsOf } from '../support/etcd.ts';
import { type Flaky, flaky } from '../support/flaky.ts';
import { type Asked, assertInTable, everyEviction, isInDoubt, isSpared, tell } from '../support/load-requests.ts';
import { prepareHook } from '../support/own-hook.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';
import { untilCounted } from '../support/right-again.ts';
import { addNode, aScene, type Scene } from '../support/scene.ts';
import { startService } from '../support/service.ts';
import { DRAINERS, storm } from '../support/storm.ts';
import { RESCHEDULE } from '../support/ward.ts';

/** How many pods, each asked about five times at once. `npm run load` is the full one: 10,000 evictions of 2,000 pods. */
const PODS = byDepth(200, 2_000);
const CLUSTERS = PODS / 100;
/** Of them, in a namespace and a cluster of their own: those that are moved afterwards. */
const MOVED = PODS / 20;
/** As it is installed; the longest that there is where the machine may have much else to do. */
const TIMEOUT_SECONDS = byDepth(30, 10);
/** Of the hooks' calls fail. */
const FAILING = 0.01;
const NAMESPACE = 'crowd';
const LABELS = { app: 'couchbase' };
/** Rounds until nothing is in doubt, or everybody has moved: far more than any machine needs. */
const ROUNDS_MAX = 400;
const PATIENCE = { everyMs: 300 };

let rig: Rig;
let faults: Flaky[];
let scene: Scene;

before(async () => {
  rig = await startRig();
  await createNamespace(rig.client, NAMESPACE, { [HOOK_LABEL]: 'load' });
  await letEvict();
  await addNode(rig, 'crowded', 'crowd', true);
  for (let c = 0; c < CLUSTERS; c++) {
    await createCluster(rig.client, { namespace: NAMESPACE, name: `cb${c}`, size: 0, process: 'InPlaceUpgrade' });
  }
  // Hardly a moment without the name, so that the drainers meet the successors.
  const operator = { periodMs: 500, maxUpgradable: MOVED, recreateDelayMs: 1 };
  scene = await aScene({ rig, hook: 'load', namespace: 'moved', nodes: 2, size: MOVED, pdb: false, operator });
  await scene.operator.pause();
  await scene.cordon(scene.node(1));
  await crowd();
  faults = [flaky(FAILING, IS_FULL), flaky(FAILING, IS_FULL)];
  const gates = await Promise.all(faults.map(() => startApiGate(rig, { keepAlive: true })));
  await twoReplicas(gates);
  for (const [i, gate] of gates.entries()) gate.rule = (faults[i] as Flaky).rule;
});

after(() => rig?.stop());

async function letEvict(): Promise<void> {
  const path = '/apis/rbac.authorization.k8s.io/v1';
  const metadata = { name: DRAINERS };
  const rules = [{ apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] }];
  await rig.client.json({ method: 'POST', path: `${path}/clusterroles`, body: { metadata, rules } });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: DRAINERS };
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: DRAINERS }];
  await rig.client.json({ method: 'POST', path: `${path}/clusterrolebindings`, body: { metadata, roleRef, subjects } });
}

async function crowd(): Promise<void> {
  const names = Array.from({ length: PODS - MOVED }, (_, n) => n);
  const hand = async () => {
    for (let n = names.pop(); n !== undefined; n = names.pop()) {
      const labels = { ...LABELS, couchbase_cluster: `cb${n % CLUSTERS}` };
      await createPod(rig.client, { namespace: NAMESPACE, name: `pod-${n}`, node: 'crowded', labels });
    }
  };
  await Promise.all(Array.from({ length: 16 }, hand));
}

/** Two hooks behind what a Service does, each with a gate of its own before the API server. */
async function twoReplicas(gates: readonly ApiGate[]): Promise<void> {
  const service = await startService();
  rig.atStop(() => service.close());
  const hooks = await Promise.all(
    gates.map(async ({ url }, i) => {
      const hook = await prepareHook(rig, `load-${i}`, { server: url, ca: rig.authority.ca });
      await hook.start({ LOG_LEVEL: 'info', TRACKING_RETENTION: '10s' });
      service.add(hook.webhookPort);
      return hook;
    }),
  );
  await rig.register('load', `https://127.0.0.1:${service.port}/eviction`, { timeoutSeconds: TIMEOUT_SECONDS });
  await Promise.all(hooks.map((hook) => untilCounted(rig, hook, 'pods')));
}

const keyOf = ({ namespace, name }: Pick<PodView, 'namespace' | 'name'>) => `${namespace}/${name}`;
const allPods = () => listPods(rig.client, undefined, 'app=couchbase');
const versions = () => versionsOf(rig, '/registry/pods/');

/** Waits until KWOK has written the last of each pod. */
async function untilQuiet(): Promise<PodView[]> {
  await untilTrue('all pods to run', async () => (await allPods()).filter(({ ready }) => ready).length === PODS);
  return allPods();
}

/** Asks again and again, until nobody is left whom `isOver` does not let go. */
async function insist(
  requests: readonly Asked[],
  isOver: (answer: Awaited<ReturnType<typeof storm<Asked>>>[number]) => boolean,
): Promise<number> {
  let left = requests;
  let round = 0;
  for (; left.length > 0; round++) {
    assert.ok(round < ROUNDS_MAX, `not over: ${left.slice(0, 5).map(({ pod }) => pod)}`);
    if (round > 0) await sleep(500);
    const answers = await storm(rig.controlPlane, left);
    left = answers.filter((answer) => !isOver(answer)).map(({ request }) => request);
  }
  return round;
}

describe(`${5 * PODS} evictions of ${PODS} pods at once, ${FAILING * 100} % of the hooks' calls fail${IS_FULL ? ' or hang' : ''}`, () => {
  test('each answer is in the table and in time, each pod is marked and moved once, a dry run writes nothing', async (t) => {
    const pods = await untilQuiet();
    const before = await versions();
    assert.equal(pods.length, PODS);

    const requests = everyEviction(pods.map(({ namespace, name, uid }) => ({ namespace, pod: name, uid })));
    const answers = await storm(rig.controlPlane, requests);
    tell(t, answers);
    assertInTable(answers);

    // Those in doubt come again; a pod that only a failed call has told of may not be known as marked.
    const again = answers.filter((one) => isInDoubt(one) || one.request.code === 429).map(({ request }) => request);
    const rounds = await insist(again, (answer) => {
      assertInTable([answer]);
      return answer.code !== 429 || /\(marked .* ago/.test(answer.message);
    });
    t.diagnostic(`${rounds} rounds more until nothing was in doubt`);
    await assertMarked(pods, before);
    await moveAndCheck(t, pods);
    t.diagnostic(`calls and faults: ${faults.map(({ counts }) => JSON.stringify(counts)).join(' ')}`);
    assert.ok(
      faults.every(({ counts }) => (counts['reset although done'] ?? 0) > 0),
      'each kind of fault was injected',
    );
  });
});

async function allEntries(): Promise<Map<string, string>> {
  const clusters = Array.from({ length: CLUSTERS }, (_, c) => entriesOnCluster(rig.client, NAMESPACE, `cb${c}`));
  const all = [...(await Promise.all(clusters)), await scene.entries()];
  return new Map(all.flatMap((one) => Object.entries(one)));
}

/** The same instances; each marked, by the one write since `before`, with one entry that has its UID; the spared as they were. */
async function assertMarked(pods: readonly PodView[], before: ReadonlyMap<string, number>): Promise<void> {
  const [now, written, entries] = [await allPods(), await versions(), await allEntries()];
  assert.deepEqual(
    now.map(({ uid }) => uid),
    pods.map(({ uid }) => uid),
    'nobody was evicted',
  );
  for (const [n, pod] of now.entries()) {
    const [key, marks] = [keyOf(pod), isSpared(n) ? 0 : 1];
    const value = entries.get(entryKey(pod.namespace, pod.name));
    assert.equal(pod.annotations[RESCHEDULE], marks === 1 ? 'true' : undefined, `mark of ${key}`);
    assert.equal((written.get(key) ?? 0) - (before.get(key) ?? 0), marks, `how often ${key} was written`);
    assert.equal(value && decodeEntry(value).uid, marks === 1 ? pod.uid : undefined, `entry of ${key}`);
  }
  assert.equal(entries.size, now.filter((_, n) => !isSpared(n)).length);
}

/** The operator moves those that are its own: their drainers get 404, their entries go, and nobody else is touched. */
async function moveAndCheck(t: TestContext, pods: readonly PodView[]): Promise<void> {
  const { namespace } = scene;
  const isOwn = (pod: PodView) => pod.namespace === namespace;
  const marked = pods.filter((pod, n) => isOwn(pod) && !isSpared(n)).map(({ name }) => name);
  const others = await versions();
  scene.operator.resume();
  const startedAt = performance.now();
  const rounds = await insist(
    marked.map((pod): Asked => ({ namespace, pod, code: 404 })),
    ({ code, message }) => {
      assert.ok(code === 404 || code === 429, `${code} ${message}`);
      return code === 404;
    },
  );
  const movedMs = Math.round(performance.now() - startedAt);
  t.diagnostic(`${marked.length} pods moved and their drains over after ${movedMs} ms, in ${rounds} rounds`);
  await untilTrue('the entries to be pruned', async () => Object.keys(await scene.entries()).length === 0, PATIENCE);
  assert.deepEqual(scene.moves, marked, 'each moved once, and nobody else');
  await scene.assertNobodyEvicted();
  const [now, written] = [await allPods(), await versions()];
  const kept = pods.filter((pod) => !isOwn(pod));
  assert.deepEqual(
    now.filter((pod) => !isOwn(pod)).map(({ uid }) => uid),
    kept.map(({ uid }) => uid),
    'nobody evicted',
  );
  for (const key of kept.map(keyOf)) assert.equal(written.get(key), others.get(key), `${key} is as it was`);
  assert.equal((await allEntries()).size, pods.filter((pod, n) => !isOwn(pod) && !isSpared(n)).length);
}
