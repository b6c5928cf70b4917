import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cache } from '../src/cache/cache.ts';
import { createCore } from '../src/core.ts';
import type { JsonObject } from '../src/kube/client.ts';
import { LOG } from '../src/log/messages.ts';
import type { PolicySettings } from '../src/policy/profiles/profile.ts';
import { namespaceTracking } from '../src/policy/tracking/namespace.ts';
import { FakeApi } from './support/api.ts';
import { aRequest, MINUTE, NOW, PROFILE, SETTINGS, settingsWith } from './support/builders.ts';
import { ENTRY_KEY, NODE_PATH, POD_PATH } from './support/cache.ts';
import { ENTRY, present } from './support/entries.ts';
import { aLog } from './support/log.ts';
import { aRawCluster, aRawNode, aRawPod, markedBy, RESCHEDULE } from './support/raw.ts';
import { FakeClock, settle } from './support/time.ts';

/** The core on a cache of one marked pod with its entry, in which nobody may walk through all objects. */
async function aFilledCore() {
  const clock = new FakeClock();
  const forbidden = () => assert.fail('somebody walks through all objects');
  const between = { cache: (cache: Cache) => ({ ...cache, podsAgeMs: () => 0, trackersAgeMs: () => 0 }) };
  const api = new FakeApi();
  const core = createCore({
    client: api,
    settings: SETTINGS,
    clock,
    random: () => 0,
    log: aLog(),
    instance: 'a',
    between,
  });
  const { pods, nodes, trackers, project } = core.cache;
  nodes.replace([project.node(aRawNode())]);
  trackers.replace([project.tracker(aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: ENTRY } } }))]);
  pods.replace([project.pod(present({ mark: 'true' }))]);
  for (const store of [pods, nodes, trackers]) store.values = forbidden;
  for (const controller of core.controllers) controller.start();
  await settle();
  return { core, api };
}

test('neither a scrape nor a cordon walks through all objects', async () => {
  const { core, api } = await aFilledCore();
  const { cache, entries, stalledPods, controllers } = core;
  const scrape = () => ({
    marked: cache.podIndex.marked.get('couchbase') ?? 0,
    waiting: entries.byState().get('waiting'),
    unsettled: entries.byState().get('unsettled'),
    leftOut: entries.leftOut(),
    stalled: stalledPods.byProfile().size,
  });
  const before = api.calls.length;
  assert.deepEqual(scrape(), { marked: 1, waiting: 1, unsettled: 0, leftOut: 0, stalled: 0 });
  const cordoned = aRawNode({ metadata: { resourceVersion: '51' }, spec: { unschedulable: true } });
  cache.nodes.put(cache.project.node(cordoned));
  await settle();
  cache.pods.put(cache.project.pod(present({ uid: 'uid-b', version: 200 })));
  await settle();
  assert.deepEqual(scrape(), { marked: 0, waiting: 0, unsettled: 1, leftOut: 0, stalled: 0 });
  assert.equal(api.calls.length, before, 'and neither asks the API server');
  await Promise.all(controllers.map((controller) => controller.stop()));
});

/** The core on a cache of one pod, which drainers ask for. */
async function anAskedCore(settings: PolicySettings, pod: JsonObject, node: JsonObject) {
  const clock = new FakeClock();
  clock.epoch = NOW;
  const api = new FakeApi();
  api.put(POD_PATH, pod);
  api.put(NODE_PATH, node);
  const between = {
    cache: (cache: Cache) => ({ ...cache, podsAgeMs: () => 0, nodesAgeMs: () => 0, trackersAgeMs: () => 0 }),
  };
  const log = aLog();
  const core = createCore({ client: api, settings, clock, random: () => 0, log, instance: 'a', between });
  const { pods, nodes, trackers, project } = core.cache;
  nodes.replace([project.node(node)]);
  trackers.replace([project.tracker(aRawCluster())]);
  pods.replace([project.pod(pod)]);
  for (const controller of core.controllers) controller.start();
  await settle();
  const ask = async () => {
    await core.admitter.admit(aRequest(), new AbortController().signal);
    await settle();
  };
  const stop = () => Promise.all(core.controllers.map((controller) => controller.stop()));
  return { core, api, clock, ask, stop, log };
}

test('a pod that its operator has marked for a cordon, and reports, is evicted once a drainer asks for it', async () => {
  const settings = settingsWith({ report: { annotation: 'finished' } });
  const annotations = { [RESCHEDULE]: 'true', finished: 'now' };
  const pod = aRawPod({ metadata: { annotations, managedFields: markedBy('operator', new Date(NOW).toISOString()) } });
  const { api, ask, stop } = await anAskedCore(settings, pod, aRawNode({ spec: { unschedulable: true } }));
  const eviction = `POST ${POD_PATH}/eviction`;
  assert.equal(api.calls.includes(eviction), false);
  await ask();
  assert.equal(api.calls.includes(eviction), true);
  await stop();
});

test('a pod that gets no mark is reported if drainers go on asking, also without a cordon', async () => {
  const { mark: _, ...holds } = PROFILE;
  const settings = { ...SETTINGS, profiles: [{ ...holds, names: 'new' as const }] };
  const { core, clock, ask, stop } = await anAskedCore(settings, aRawPod(), aRawNode());
  const stalled = () => core.stalledPods.byProfile().get('couchbase')?.get('Held') ?? 0;
  for (let i = 0; i < 3; i++) {
    await ask();
    assert.equal(stalled(), 0);
    await clock.advance(5 * MINUTE);
  }
  assert.equal(stalled(), 1);
  await clock.advance(45 * MINUTE);
  assert.equal(stalled(), 0, 'nobody asks any more');
  await stop();
});

test('a pod that comes back is reported while drainers ask for it, also where the sign of the drain was away for a moment', async () => {
  const settings = { ...SETTINGS, drainConditions: ['DrainInProgress'] };
  const node = (resourceVersion: string, status: string) =>
    aRawNode({ metadata: { resourceVersion }, status: { conditions: [{ type: 'DrainInProgress', status }] } });
  const status = {
    conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: new Date(NOW).toISOString() }],
  };
  const pod = aRawPod({ metadata: { uid: 'uid-b' }, status });
  const { core, api, clock, ask } = await anAskedCore(settings, pod, node('50', 'True'));
  const { cache } = core;
  const entry = JSON.stringify({ uid: 'uid-a', node: 'node-1', nodeUid: 'uid-node-1', returns: 1 });
  cache.trackers.replace([cache.project.tracker(aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: entry } } }))]);
  const stalled = () => core.stalledPods.byProfile().get('couchbase')?.get('ComesBack') ?? 0;
  const see = async (resourceVersion: string, now: string) => {
    api.put(NODE_PATH, node(resourceVersion, now));
    cache.nodes.put(cache.project.node(node(resourceVersion, now)));
    await settle();
  };
  await ask();
  assert.equal(stalled(), 1);
  await see('51', 'Unknown');
  await clock.advance(30 * MINUTE);
  assert.equal(stalled(), 0);
  await see('52', 'True');
  await ask();
  assert.equal(stalled(), 1);
  await see('53', 'Unknown');
  await core.stop();
  assert.equal(clock.timers, 0);
});

test('a drain that waits three days for a paused operator writes six reports and nothing else, however often it asks', async () => {
  const managedFields = markedBy('reschedule-hook', new Date(NOW).toISOString());
  const pod = aRawPod({ metadata: { annotations: { [RESCHEDULE]: 'true' }, managedFields } });
  const { core, api, clock, ask, stop, log } = await anAskedCore(
    SETTINGS,
    pod,
    aRawNode({ spec: { unschedulable: true } }),
  );
  await ask();
  const [lines, calls] = [log.lines.length, api.calls.length];
  // A drainer that asks every five seconds differs in nothing but the number.
  for (let asked = 0; asked < 3 * 24 * 20; asked++) {
    await clock.advance(3 * MINUTE);
    await ask();
  }
  assert.deepEqual(
    log.lines.slice(lines).flatMap(({ level, message }) => (level === 'debug' ? [] : message)),
    Array(6).fill(LOG.stalled),
  );
  // Each on the pod and on its CouchbaseCluster.
  const events = '/api/v1/namespaces/db/events';
  assert.deepEqual(api.calls.slice(calls), Array(12).fill(`POST ${events}`));
  assert.equal(core.stalledPods.byProfile().get('couchbase')?.get('None'), 1);
  await stop();
});

test('a namespace that goes takes along what is remembered of its pods, with their timers', async () => {
  const [clock, api] = [new FakeClock(), new FakeApi()];
  const settings = settingsWith({ tracking: namespaceTracking });
  const core = createCore({ client: api, settings, clock, random: () => 0, log: aLog(), instance: 'a' });
  const { pods, nodes, trackers, earlierInstances, project } = core.cache;
  nodes.replace([project.node(aRawNode({ spec: { unschedulable: true } }))]);
  trackers.replace([project.tracker({ metadata: { name: 'db', uid: 'uid-db', resourceVersion: '1' } })]);
  pods.replace([...Array(20).keys()].map((n) => project.pod(aRawPod({ metadata: { name: `cb-${n}` } }))));
  for (const controller of core.controllers) controller.start();
  await settle();
  const before = clock.timers;
  pods.replace([]);
  await settle();
  assert.deepEqual([earlierInstances.pods().length, clock.timers], [20, before + 20]);
  trackers.replace([]);
  await settle();
  assert.deepEqual([earlierInstances.pods().length, clock.timers], [0, before]);
  await core.stop();
});

test('a pod that came back is not awaited for its budget once its node is uncordoned', async () => {
  const node = (resourceVersion: string, unschedulable: boolean) => {
    const taints = unschedulable ? [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] : [];
    return aRawNode({ metadata: { resourceVersion }, spec: { unschedulable, taints } });
  };
  const pod = aRawPod({ metadata: { uid: 'uid-b' } });
  const { core, clock, api, ask, stop } = await anAskedCore(
    settingsWith({ respectsBudgets: true }),
    pod,
    node('50', true),
  );
  const { cache } = core;
  const entry = JSON.stringify({ uid: 'uid-a', node: 'node-1', nodeUid: 'uid-node-1', returns: 1 });
  cache.trackers.replace([cache.project.tracker(aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: entry } } }))]);
  const stalled = () => [...(core.stalledPods.byProfile().get('couchbase') ?? [])].filter(([, count]) => count > 0);
  for (let i = 0; i < 20; i++) {
    await ask();
    await clock.advance(MINUTE);
  }
  assert.deepEqual(stalled(), [['ComesBack', 1]]);
  api.put(NODE_PATH, node('51', false));
  cache.nodes.put(cache.project.node(node('51', false)));
  await clock.advance(MINUTE);
  assert.deepEqual(stalled(), []);
  await stop();
});
