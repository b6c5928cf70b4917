import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cache } from '../src/cache/cache.ts';
import { createCore } from '../src/core.ts';
import { FakeApi } from './support/api.ts';
import { SETTINGS } from './support/builders.ts';
import { ENTRY_KEY } from './support/cache.ts';
import { ENTRY, present } from './support/entries.ts';
import { aLog } from './support/log.ts';
import { aRawCluster, aRawNode } from './support/raw.ts';
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
