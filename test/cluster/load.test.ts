import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { decodeEntry, entryKey } from '../../src/policy/entry.ts';
import { listPods } from '../../src/rehearsal/pods.ts';
import { NotYet, until } from '../../src/rehearsal/until.ts';
import { createCluster, createNamespace, createPod, entriesOnCluster } from '../../src/rehearsal/workload.ts';
import { type ApiGate, startApiGate } from './support/api-gate.ts';
import { versionsOf } from './support/etcd.ts';
import { type Flaky, flaky } from './support/flaky.ts';
import { prepareHook } from './support/own-hook.ts';
import { HOOK_LABEL, type Rig, startRig } from './support/rig.ts';
import { untilCounted } from './support/right-again.ts';
import { addNode } from './support/scene.ts';
import { startService } from './support/service.ts';
import { DRAINERS, type StormAnswer, type StormRequest, storm } from './support/storm.ts';
import { RESCHEDULE } from './support/ward.ts';

/** How many pods, each asked about five times at once. `npm run load` is the full one: 10,000 evictions of 2,000 pods. */
const IS_FULL = process.env.LOAD === 'full';
const CLUSTERS = IS_FULL ? 20 : 2;
const PODS_EACH = 100;
const PODS = CLUSTERS * PODS_EACH;
/** As it is installed; the longest that there is where the machine may have much else to do. */
const TIMEOUT_SECONDS = IS_FULL ? 10 : 30;
/** Of the hooks' calls fail. */
const FAILING = 0.01;
const NAMESPACE = 'crowd';
const LABELS = { app: 'couchbase' };

interface Asked extends StormRequest {
  /** What the table allows beside 429. */
  readonly may?: number;
}

let rig: Rig;
let faults: Flaky[];

before(async () => {
  rig = await startRig();
  await createNamespace(rig.client, NAMESPACE, { [HOOK_LABEL]: 'load' });
  await letEvict();
  await addNode(rig, 'crowded', 'crowd', true);
  for (let c = 0; c < CLUSTERS; c++) {
    await createCluster(rig.client, { namespace: NAMESPACE, name: `cb${c}`, size: 0, process: 'InPlaceUpgrade' });
  }
  await crowd();
  faults = [flaky(FAILING), flaky(FAILING)];
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
  const names = Array.from({ length: PODS }, (_, n) => n);
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
      await hook.start({ LOG_LEVEL: 'info' });
      service.add(hook.webhookPort);
      return hook;
    }),
  );
  await rig.register('load', `https://127.0.0.1:${service.port}/eviction`, { timeoutSeconds: TIMEOUT_SECONDS });
  await Promise.all(hooks.map((hook) => untilCounted(rig, hook, 'pods')));
}

/** Waits until KWOK has written the last of each pod, and returns how often each has been written so far. */
async function untilQuiet(): Promise<Map<string, number>> {
  await until('all pods to run', async () => {
    const ready = (await listPods(rig.client, NAMESPACE)).filter((pod) => pod.ready).length;
    if (ready !== PODS) throw new NotYet(`${ready} of ${PODS}`);
  });
  return versionsOf(rig, `/registry/pods/${NAMESPACE}/`);
}

/** Five for each pod: three by name, one with its UID, one with another's; and some about nobody. */
function everyEviction(uids: ReadonlyMap<string, string>): Asked[] {
  const evictions = [...uids].flatMap(([pod, uid], n): Asked[] => [
    { namespace: NAMESPACE, pod },
    { namespace: NAMESPACE, pod, uid },
    { namespace: NAMESPACE, pod },
    { namespace: NAMESPACE, pod, uid: crypto.randomUUID(), may: 409 },
    n % 20 === 0 ? { namespace: NAMESPACE, pod: `nobody-${n}`, may: 404 } : { namespace: NAMESPACE, pod },
  ]);
  return evictions;
}

function assertAllowed(answers: readonly StormAnswer<Asked>[]): void {
  const wrong = answers.filter(({ request, code }) => code !== 429 && code !== request.may);
  assert.deepEqual(
    wrong.slice(0, 5).map(({ request, code, message }) => ({ ...request, code, message })),
    [],
    `${wrong.length} of ${answers.length} answers are not in the table, or came late`,
  );
}

describe(`${5 * PODS} evictions of ${PODS} pods at once, ${FAILING * 100} % of the hooks' calls fail`, () => {
  test('each answer is in the table and in time, each pod is marked once and has one entry, none is evicted', async (t) => {
    const before = await untilQuiet();
    const uids = new Map((await listPods(rig.client, NAMESPACE)).map(({ name, uid }) => [name, uid]));
    assert.equal(uids.size, PODS);

    const answers = await storm(rig.controlPlane, everyEviction(uids));
    tell(t, answers);
    assertAllowed(answers);

    // Drainers come again, until nothing is in doubt.
    let inDoubt = [...uids.keys()];
    for (let round = 1; inDoubt.length > 0; round++) {
      assert.ok(round <= 20, `still in doubt: ${inDoubt.slice(0, 5)}`);
      const again = await storm(
        rig.controlPlane,
        inDoubt.map((pod): Asked => ({ namespace: NAMESPACE, pod })),
      );
      assertAllowed(again);
      inDoubt = again.flatMap(({ request, message }) => (/\(marked .* ago/.test(message) ? [] : request.pod));
      t.diagnostic(`round ${round + 1}: ${inDoubt.length} pods not yet known as marked`);
    }

    await assertEach(uids, before);
    t.diagnostic(`calls and faults: ${faults.map(({ counts }) => JSON.stringify(counts)).join(' ')}`);
    assert.ok(
      faults.every(({ counts }) => (counts['reset although done'] ?? 0) > 0),
      'each kind of fault was injected',
    );
  });
});

/** Same instances, each marked, each written exactly once since `before`; one entry each, with its UID. */
async function assertEach(uids: ReadonlyMap<string, string>, before: ReadonlyMap<string, number>): Promise<void> {
  const pods = await listPods(rig.client, NAMESPACE);
  assert.deepEqual(new Map(pods.map(({ name, uid }) => [name, uid])), uids, 'nobody was evicted');
  assert.deepEqual(
    pods.filter(({ annotations }) => annotations[RESCHEDULE] !== 'true'),
    [],
  );
  const now = await versionsOf(rig, `/registry/pods/${NAMESPACE}/`);
  const notOnce = [...now].filter(([name, version]) => version !== (before.get(name) ?? 0) + 1);
  assert.deepEqual(notOnce, [], 'written once, which was the mark');
  const all = await Promise.all(
    Array.from({ length: CLUSTERS }, (_, c) => entriesOnCluster(rig.client, NAMESPACE, `cb${c}`)),
  );
  const entries = new Map(all.flatMap((one) => Object.entries(one)));
  assert.equal(
    all.reduce((sum, one) => sum + Object.keys(one).length, 0),
    PODS,
  );
  for (const [name, uid] of uids) {
    const value = entries.get(entryKey(NAMESPACE, name));
    assert.equal(value && decodeEntry(value).uid, uid, name);
  }
}

function tell(t: TestContext, answers: readonly StormAnswer<Asked>[]): void {
  const counts = [...Map.groupBy(answers, ({ code }) => code)].map(([code, { length }]) => `${length} × ${code}`);
  const ms = answers.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  const at = (share: number) => `${Math.round(ms[Math.ceil(share * ms.length) - 1] ?? 0)} ms`;
  const turnedAway = answers.reduce((sum, one) => sum + one.turnedAway, 0);
  t.diagnostic(
    `${counts.join(', ')}; p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}; ${turnedAway} times turned away before`,
  );
  const doubts = answers.filter(({ message }) => /rescheduled \((?!marked)/.test(message));
  const kinds = Map.groupBy(doubts, ({ message }) =>
    message.replace(/.*rescheduled \(/, '').replace(/pod-\d+|cb\d+/g, '…'),
  );
  for (const [kind, { length }] of kinds) t.diagnostic(`in doubt ${length} times: ${kind}`);
}
