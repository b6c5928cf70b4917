import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LOG } from '../../src/log/messages.ts';
import { refusal } from '../support/api.ts';
import { SETTINGS } from '../support/builders.ts';
import { ENTRY_KEY, POD_KEY, TRACKER, TRACKER_PATH } from '../support/cache.ts';
import { anEntryReconciler, ENTRY, EVENT, HOURS, MINUTES, PRUNE, present } from '../support/entries.ts';
import { aRawCluster } from '../support/raw.ts';

const RETENTION = 15 * MINUTES;
const settled = present({ uid: 'uid-b', node: 'node-2' });

/** A reconciler that has just come to the moment of pruning a rescheduled pod's entry. */
async function aDuePrune() {
  const world = anEntryReconciler({ pod: settled });
  await world.look();
  await world.clock.advance(RETENTION);
  return world;
}

describe('pruning is guarded', () => {
  test('by the value that was read', async () => {
    const { look, api } = await aDuePrune();
    await look();
    const path = '/metadata/annotations/reschedule.hook~1db.cb-0000';
    assert.deepEqual(api.requests.at(-1)?.body, [
      { op: 'test', path, value: ENTRY },
      { op: 'remove', path },
    ]);
  });

  for (const [what, change] of [
    ['another replica was first', { [ENTRY_KEY]: undefined as unknown as string }],
    ['a newer instance was marked', { [ENTRY_KEY]: '{"uid":"uid-b"}' }],
  ] as const) {
    test(`${what}: no log line, no metric, and the entry as it is`, async () => {
      const { look, api, calls, log, pruned } = await aDuePrune();
      api.annotate(TRACKER_PATH, change);
      assert.deepEqual(await look(), { requeueAfterMs: 10_000 });
      assert.deepEqual(calls(), [EVENT, EVENT, PRUNE]);
      assert.deepEqual(log.lines, []);
      assert.deepEqual(pruned, []);
      assert.equal(api.annotations(TRACKER_PATH)[ENTRY_KEY], change[ENTRY_KEY]);
    });
  }

  test('the tracking resource is gone: nothing more happens', async () => {
    const { look, api, calls, log } = await aDuePrune();
    api.objects.delete(TRACKER_PATH);
    assert.deepEqual(await look(), { requeueAfterMs: 10_000 });
    assert.deepEqual(calls(), [EVENT, EVENT, PRUNE]);
    assert.deepEqual(log.lines, []);
  });

  test('two replicas that find it due at the same moment write the same Events, and one of them prunes', async () => {
    const one = await aDuePrune();
    const other = anEntryReconciler({ pod: settled, api: one.api });
    await other.look();
    await other.clock.advance(RETENTION);
    await Promise.all([one.look(), other.look()]);
    const events = one.api.requests.filter(({ method }) => method === 'POST');
    const names = events.map(({ body }) => (body as { metadata: { name: string } }).metadata.name);
    assert.equal(events.length, 4);
    assert.equal(new Set(names).size, 2);
    assert.deepEqual([...one.pruned, ...other.pruned], ['rescheduled']);
  });

  test('an error is thrown, so that the controller tries again', async () => {
    const { look, api, calls, log } = await aDuePrune();
    api.before = () => {
      throw refusal(500);
    };
    await assert.rejects(look(), { code: 500 });
    api.before = () => undefined;
    await look();
    assert.deepEqual(calls(), [EVENT, PRUNE, EVENT, EVENT, PRUNE]);
    assert.deepEqual(log.messages(), [LOG.eventFailed, LOG.rescheduled]);
  });

  test('an Event that cannot be written is a warning; the entry is pruned', async () => {
    const { look, api, log, pruned } = await aDuePrune();
    api.before = (call) => {
      if (call === EVENT) throw refusal(403, { reason: 'Forbidden' });
    };
    assert.deepEqual(await look(), {});
    assert.deepEqual(log.messages(), [LOG.eventFailed, LOG.rescheduled]);
    assert.deepEqual(pruned, ['rescheduled']);
    assert.deepEqual(api.annotations(TRACKER_PATH), {});
  });

  test('what was pruned is gone from the cache at once: the next look does nothing', async () => {
    const { look, calls, cache } = await aDuePrune();
    await look();
    calls();
    assert.deepEqual(cache.trackers.get(TRACKER)?.entries, {});
    assert.deepEqual(await look(), {});
    assert.deepEqual(calls(), []);
  });
});

describe('nothing is pruned', () => {
  test('before the caches have synced: absence means nothing', async () => {
    const { look, lookBack, clock, calls, cache } = anEntryReconciler({ isSynced: false });
    const tracker = cache.project.tracker({ metadata: { name: 'cb', annotations: { [ENTRY_KEY]: ENTRY } } });
    cache.trackers.replace([{ ...tracker, namespace: 'db' }]);
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await look(), { requeueAfterMs: 500 });
      assert.deepEqual(await lookBack(), { requeueAfterMs: 500 });
      await clock.advance(24 * HOURS);
    }
    assert.deepEqual(calls(), []);
  });

  test('of annotations that are not entries, or are about nobody', async () => {
    const annotations = {
      'reschedule.hook/': ENTRY,
      'reschedule.hook/nodot': ENTRY,
      'reschedule.hook/.cb-0000': ENTRY,
      'reschedule.hook/db.': ENTRY,
      'reschedule.hook/db.x': '{"pod":"db.another"}',
      'couchbase.com/note': 'keep',
    };
    const { look, clock, calls, api } = anEntryReconciler({ annotations });
    await look();
    await clock.advance(24 * HOURS);
    assert.deepEqual(await look(), {});
    assert.deepEqual(calls(), []);
    assert.deepEqual(api.annotations(TRACKER_PATH), annotations);
  });

  test('of a tracker that is not there, and the time it was there is forgotten', async () => {
    const { look, clock, cache, calls } = anEntryReconciler();
    await look();
    const tracker = cache.trackers.get(TRACKER) ?? assert.fail();
    cache.trackers.replace([]);
    assert.deepEqual(await look(), {});
    await clock.advance(2 * HOURS);
    cache.trackers.replace([tracker]);
    assert.deepEqual(await look(), { requeueAfterMs: HOURS });
    assert.deepEqual(calls(), []);
  });
});

describe("the cache's own memory of a pod that left", () => {
  async function aMemory() {
    const world = anEntryReconciler({ tracking: 'off', pod: present({ mark: 'true' }) });
    world.cache.pods.replace([]);
    assert.equal(world.cache.earlierInstances.get(POD_KEY)?.uid, 'uid-a');
    return world;
  }

  test('goes once the successor has been settled for TRACKING_RETENTION', async () => {
    const { lookBack, clock, tell, cache, calls } = await aMemory();
    tell({ uid: 'uid-b', node: 'node-2', version: 200 });
    assert.deepEqual(await lookBack(), { requeueAfterMs: RETENTION });
    await clock.advance(RETENTION - 1);
    await lookBack();
    assert.notEqual(cache.earlierInstances.get(POD_KEY), undefined);
    await clock.advance(1);
    assert.deepEqual(await lookBack(), {});
    assert.equal(cache.earlierInstances.get(POD_KEY), undefined);
    assert.deepEqual(calls(), []);
  });

  test('stays while the successor is on a draining node', async () => {
    const { lookBack, clock, tell, cache } = await aMemory();
    tell({ uid: 'uid-b', version: 200 });
    assert.deepEqual(await lookBack(), {});
    await clock.advance(48 * HOURS);
    assert.deepEqual(await lookBack(), {});
    assert.notEqual(cache.earlierInstances.get(POD_KEY), undefined);
  });

  test('goes after an hour without a pod of that name', async () => {
    const { lookBack, clock, cache } = await aMemory();
    assert.deepEqual(await lookBack(), { requeueAfterMs: HOURS });
    await clock.advance(HOURS);
    assert.deepEqual(await lookBack(), {});
    assert.deepEqual(cache.earlierInstances.pods(), []);
  });

  test('starts over when the same instance leaves again: it had lost its label, got it back, and loses it once more', async () => {
    const { lookBack, clock, tell, cache } = await aMemory();
    assert.deepEqual(await lookBack(), { requeueAfterMs: HOURS });
    await clock.advance(HOURS - MINUTES);
    tell({ uid: 'uid-a', mark: 'true', version: 200 });
    assert.equal(cache.earlierInstances.get(POD_KEY), undefined);
    cache.pods.replace([]);
    assert.deepEqual(await lookBack(), { requeueAfterMs: HOURS });
  });

  test('of nobody is nothing to do', async () => {
    const { lookBack } = await aMemory();
    assert.deepEqual(await lookBack({ namespace: 'db', name: 'other' }), {});
  });
});

describe("entries that are not this installation's to prune", () => {
  const OTHER = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/other';
  const foreign = JSON.stringify({ ...JSON.parse(ENTRY), hook: 'other' });
  const install = { metadata: { name: 'other', labels: { 'app.kubernetes.io/name': 'reschedule-hook' } } };

  async function aDueEntry() {
    const world = anEntryReconciler({ pod: settled, annotations: { [ENTRY_KEY]: foreign } });
    world.api.put(OTHER, install);
    await world.look();
    await world.clock.advance(RETENTION);
    return world;
  }

  test('an entry of another installation stays while that exists, and is looked at again every ten minutes', async () => {
    const { look, calls, pruned } = await aDueEntry();
    assert.deepEqual(await look(), { requeueAfterMs: 10 * MINUTES });
    assert.deepEqual(calls(), [`GET ${OTHER}`]);
    assert.deepEqual(pruned, []);
  });

  test('it counts as ours once that installation is gone', async () => {
    const { look, api, pruned } = await aDueEntry();
    api.objects.delete(OTHER);
    await look();
    assert.deepEqual(pruned, ['rescheduled']);
  });

  test('an entry that takes its place under the same key does not rest for it', async () => {
    const { look, api, clock, pruned, cache } = anEntryReconciler({
      pod: settled,
      annotations: { [ENTRY_KEY]: foreign },
      settings: { ...SETTINGS, retentionMs: MINUTES },
    });
    api.put(OTHER, install);
    await look();
    await clock.advance(MINUTES);
    assert.deepEqual(await look(), { requeueAfterMs: 10 * MINUTES });
    const cluster = aRawCluster({ metadata: { resourceVersion: '900', annotations: { [ENTRY_KEY]: ENTRY } } });
    api.put(TRACKER_PATH, cluster);
    cache.trackers.stores[0]?.put(cache.project.tracker(cluster));
    await look();
    await clock.advance(MINUTES);
    await look();
    assert.deepEqual(pruned, ['rescheduled']);
  });

  test('an entry about a pod of another namespace makes no Event and no write', async () => {
    const annotations = { 'reschedule.hook/other.cb-0000': '{"uid":"uid-a"}' };
    const { look, clock, calls } = anEntryReconciler({ pod: settled, annotations });
    await look();
    await clock.advance(2 * HOURS);
    await look();
    assert.deepEqual(calls(), []);
  });
});
