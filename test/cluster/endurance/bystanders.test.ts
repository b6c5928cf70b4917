import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { SHARES } from '../../../src/kube/call-class.ts';
import { LOG } from '../../../src/log/messages.ts';
import { createCluster, createNamespace, createPod } from '../../../testkit/couchbase/workload.ts';
import { listPods } from '../../../testkit/pods.ts';
import { untilTrue } from '../../support/until-true.ts';
import { IS_FULL } from '../support/depth.ts';
import { evict, metric } from '../support/evict.ts';
import { startFlood } from '../support/flood.ts';
import { HOOK_LABEL, type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { addNode } from '../support/scene.ts';
import { startSlowWebhook } from '../support/slow-webhook.ts';
import { said, untilMetric, untilSaid } from '../support/told.ts';
import { RESCHEDULE } from '../support/ward.ts';

const NAMESPACE = 'slow';
const NODES = ['slow-1', 'slow-2'] as const;
const PODS_OF_NODE = 20;
const PODS = NODES.length * PODS_OF_NODE;
/** Twelve for each test. */
const BYSTANDERS = Array.from({ length: 36 }, (_, n) => `web-${n}`);

/** `npm run load` judges times as well; they depend on the machine, so that `npm test` only tells them. */
const SLOW_MAX_MS = 1_000;
const FLOODED_MAX_MS = 2_000;
const CONNECTIONS = 300;

let rig: Rig;
let hook: RunningHook;

before(async () => {
  rig = await startRig();
  const { client } = rig;
  hook = await rig.hook('slow');
  await createNamespace(client, NAMESPACE, { [HOOK_LABEL]: 'slow' });
  await createNamespace(client, 'bystanders', { [HOOK_LABEL]: 'slow' });
  await createCluster(client, { namespace: NAMESPACE, name: 'cb', size: 0, process: 'InPlaceUpgrade' });
  for (const node of NODES) await addNode(rig, node, NAMESPACE, true);
  const labels = { app: 'couchbase', couchbase_cluster: 'cb' };
  const named = NODES.flatMap((node) =>
    Array.from({ length: PODS_OF_NODE }, (_, n) => ({ node, name: `${node}-${n}` })),
  );
  await Promise.all(named.map((one) => createPod(client, { namespace: NAMESPACE, labels, ...one })));
  await Promise.all(BYSTANDERS.map((name) => createPod(client, { namespace: 'bystanders', name, node: NODES[0] })));
  await untilTrue('all pods to run', async () => {
    const all = await listPods(client, undefined);
    return all.filter(({ ready }) => ready).length === PODS + BYSTANDERS.length;
  });
  await untilMetric(hook, 'reschedule_hook_cache_objects', PODS, /kind="pods"/);
});

after(() => rig?.stop());

const inFlight = (callClass: string) => metric(hook, 'reschedule_hook_api_calls_in_flight', classIs(callClass));
const waiting = (callClass: string) => metric(hook, 'reschedule_hook_api_calls_waiting', classIs(callClass));
const classIs = (callClass: string) => new RegExp(`class="${callClass}"`);

/** Evicts unprotected pods, some at a time. All must be let through; `npm run load` judges how long each took. */
async function evictBystanders(t: TestContext, what: string, pods: readonly string[], maxMs: number): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < pods.length; i += 3) {
    const answers = await Promise.all(
      pods.slice(i, i + 3).map(async (pod) => {
        const startedAt = performance.now();
        const { code, message } = await evict({ rig, namespace: 'bystanders' }, pod);
        times.push(Math.round(performance.now() - startedAt));
        return `${code} ${message}`;
      }),
    );
    assert.deepEqual([...new Set(answers)], ['201 '], what);
  }
  const longest = Math.max(...times);
  t.diagnostic(`${what}: ${pods.length} evictions of unprotected pods, the longest took ${longest} ms`);
  if (IS_FULL) assert.ok(longest < maxMs, `${longest} ms is not under ${maxMs} ms`);
}

const marked = async () =>
  (await listPods(rig.client, NAMESPACE)).filter(({ annotations }) => annotations[RESCHEDULE] === 'true').length;

describe("somebody else's webhook hangs on updates of pods, and two nodes are drained", () => {
  test('evictions of other pods are let through; a pod has one mark in flight, whoever asks again', async (t) => {
    const slow = await startSlowWebhook(rig, NAMESPACE, `${NODES[0]}-0`);
    slow.hangs = true;
    const over = new AbortController();
    t.after(() => over.abort());
    const pods = ['--ignore-daemonsets', '--force', `--pod-selector=app=couchbase`];
    const drains = NODES.map((node) => rig.controlPlane.kubectl(['drain', node, ...pods], { signal: over.signal }));
    const share = SHARES.write.connections / 2;
    await untilTrue('the share of the namespace to hang', () => slow.most >= share);
    assert.equal(await inFlight('write'), share);

    // One half at once, and the other after every drainer has asked again.
    for (const some of [BYSTANDERS.slice(0, 6), BYSTANDERS.slice(6, 12)]) {
      await evictBystanders(t, 'while marks hang', some, SLOW_MAX_MS);
      assert.equal(await waiting('read'), 0);
      assert.ok((await inFlight('write')) <= share);
      await untilSaid([hook], LOG.doubt, 2 * PODS);
    }
    const doubts = said([hook], LOG.doubt);
    assert.deepEqual([...new Set(doubts.map(({ namespace }) => namespace))], [NAMESPACE]);
    t.diagnostic(`${slow.came} patches of ${PODS} pods for ${doubts.length} evictions in doubt`);
    assert.equal(slow.mostOfPod, 1);
    assert.ok(slow.most <= share, `${slow.most}`);

    slow.release();
    await untilTrue('every pod to be marked', async () => (await marked()) === PODS);
    over.abort();
    await Promise.all(drains);
  });
});

describe(`made-up reviews on ${CONNECTIONS} connections, without a credential`, () => {
  for (const [what, atATime, first] of [
    ['twelve at a time', 12, 12],
    ['one at a time', 1, 24],
  ] as const) {
    test(`${what}: evictions are answered beside them`, async (t) => {
      const flood = startFlood(rig, hook, CONNECTIONS, atATime);
      t.after(() => flood.stop());
      await flood.untilRounds(3);
      await evictBystanders(t, what, BYSTANDERS.slice(first, first + 12), FLOODED_MAX_MS);
      assert.ok((await inFlight('read')) <= SHARES.read.connections);
      const pipelined = await metric(hook, 'reschedule_hook_turned_away_total', /pipelined/);
      assert.equal(pipelined > 0, true);
      await flood.stop();
    });
  }
});
