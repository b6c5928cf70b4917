import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { storeKey } from '../../src/cache/keys.ts';
import { LOG } from '../../src/log/messages.ts';
import type { Profile } from '../../src/policy/profiles/profile.ts';
import { NOW, SETTINGS, settingsWith } from '../support/builders.ts';
import { ENTRY_KEY, POD, POD_PATH, TRACKER, TRACKER_PATH } from '../support/cache.ts';
import { anEntryReconciler, ENTRY, EVENT, HOURS, MINUTES, PRUNE, present, SECOND } from '../support/entries.ts';
import { aRawNode } from '../support/raw.ts';

const READ_POD = `GET ${POD_PATH}`;
const RETENTION = 15 * MINUTES;

describe('reconciling an entry, row by row', () => {
  test('same UID, marked: waiting: keep, and wait to be woken', async () => {
    const { look, clock, calls } = anEntryReconciler({ pod: present({ mark: 'true' }) });
    assert.deepEqual(await look(), {});
    await clock.advance(48 * HOURS);
    assert.deepEqual(await look(), {});
    assert.deepEqual(calls(), []);
  });

  test('same UID, not marked for three minutes: withdrawn: prune, without an Event', async () => {
    const { look, clock, calls, api, pruned, log } = anEntryReconciler({ pod: present() });
    assert.deepEqual(await look(), { requeueAfterMs: 3 * MINUTES });
    await clock.advance(3 * MINUTES - 1);
    assert.deepEqual(await look(), { requeueAfterMs: 1 });
    assert.deepEqual(calls(), []);
    await clock.advance(1);
    assert.deepEqual(await look(), {});
    assert.deepEqual(calls(), [READ_POD, PRUNE], 'a live read first');
    assert.deepEqual(api.annotations(TRACKER_PATH), {});
    assert.deepEqual(pruned, ['withdrawn']);
    assert.deepEqual(log.messages('info'), [LOG.pruned]);
  });

  test('the same of a pod that has lost an annotation which its profile requires: the cache still has it', async () => {
    const settings = settingsWith({ requires: [{ key: 'example.com/moves' }] });
    const { look, clock, pruned } = anEntryReconciler({ pod: present(), settings });
    await look();
    await clock.advance(3 * MINUTES);
    assert.deepEqual(await look(), {});
    assert.deepEqual(pruned, ['withdrawn']);
  });

  for (const [what, isCordoned, result, expected] of [
    ['prune', false, {}, ['withdrawn']],
    ['keep, if live its node is cordoned again', true, { requeueAfterMs: 10_000 }, []],
  ] as const) {
    test(`the same of a pod that gets no mark, once nobody drains its node: ${what}`, async () => {
      const [{ mark: _, ...profile }] = SETTINGS.profiles as readonly [Profile];
      const settings = { ...SETTINGS, profiles: [profile] };
      const { look, clock, calls, pruned, api } = anEntryReconciler({ pod: present({ node: 'node-2' }), settings });
      api.put('/api/v1/nodes/node-2', aRawNode({ metadata: { name: 'node-2' }, spec: { unschedulable: isCordoned } }));
      await look();
      await clock.advance(3 * MINUTES);
      assert.deepEqual(await look(), result);
      assert.deepEqual([calls().slice(0, 2), pruned], [[READ_POD, 'GET /api/v1/nodes/node-2'], expected]);
    });
  }

  for (const [what, pod] of [
    ['not scheduled', present({ uid: 'uid-b', node: '' })],
    ['on a draining node', present({ uid: 'uid-b', node: 'node-1' })],
    ['on a node that does not exist', present({ uid: 'uid-b', node: 'node-9' })],
  ] as const) {
    test(`other UID, ${what}: unsettled: keep, and wait to be woken`, async () => {
      const { look, clock, calls } = anEntryReconciler({ pod });
      assert.deepEqual(await look(), {});
      await clock.advance(48 * HOURS);
      assert.deepEqual(await look(), {});
      assert.deepEqual(calls(), []);
    });
  }

  test('other UID, settled on a node not draining: rescheduled: prune once settled for TRACKING_RETENTION, with an Event', async () => {
    const { look, clock, calls, api, pruned, prunedOf, log } = anEntryReconciler({
      pod: present({ uid: 'uid-b', node: 'node-2' }),
    });
    assert.deepEqual(await look(), { requeueAfterMs: RETENTION });
    await clock.advance(RETENTION - 1);
    assert.deepEqual(await look(), { requeueAfterMs: 1 });
    assert.deepEqual(calls(), []);
    await clock.advance(1);
    assert.deepEqual(await look(), {});
    assert.deepEqual(calls(), [EVENT, EVENT, PRUNE], 'told before it is forgotten');
    assert.deepEqual([pruned, prunedOf], [['rescheduled'], ['couchbase']]);
    const events = api.requests.slice(0, 2).map(({ body }) => body as Record<string, unknown>);
    assert.deepEqual(
      events.map(({ message }) => message),
      [
        'The pod was moved from node node-1 to node node-2 for a drain',
        'Pod cb-0000 was moved from node node-1 to node node-2 for a drain',
      ],
    );
    assert.deepEqual(
      events.map(({ involvedObject }) => (involvedObject as { uid: string }).uid),
      ['uid-b', 'uid-cluster'],
    );
    assert.equal(events[0]?.type, 'Normal');
    assert.equal(events[0]?.firstTimestamp, new Date(NOW).toISOString().replace('.000', ''));
    const fields = { pod: 'cb-0000', namespace: 'db', uid: 'uid-b', node: 'node-2', profile: 'couchbase' };
    assert.deepEqual(log.lines, [
      { level: 'info', message: LOG.rescheduled, fields: { ...fields, reason: 'rescheduled', tracker: 'db/cb' } },
    ]);
  });

  test('other UID, settled on the very node that it was to leave: no Event tells of a move', async () => {
    const { look, clock, api } = anEntryReconciler({
      pod: present({ uid: 'uid-b', node: 'node-2' }),
      annotations: { [ENTRY_KEY]: ENTRY.replace('node-1', 'node-2') },
    });
    await look();
    await clock.advance(RETENTION);
    await look();
    const [event] = api.requests.map(({ body }) => body as { message: string });
    assert.equal(event?.message, 'The pod has come back on node node-2, which it was to leave');
  });

  test('none: gone: prune after an hour, without an Event', async () => {
    const { look, clock, calls, pruned, prunedOf } = anEntryReconciler();
    assert.deepEqual(await look(), { requeueAfterMs: HOURS });
    await clock.advance(HOURS - 1);
    assert.deepEqual(await look(), { requeueAfterMs: 1 });
    assert.deepEqual(calls(), []);
    await clock.advance(1);
    await look();
    assert.deepEqual(calls(), [READ_POD, PRUNE], 'a live read first');
    assert.deepEqual([pruned, prunedOf], [['gone'], ['None']], 'nobody knows of which profile it was');
  });

  test('same UID, marked by another replica while this cache lags: a live read keeps the entry', async () => {
    const { look, clock, calls, api } = anEntryReconciler({ pod: present() });
    await look();
    api.put(POD_PATH, present({ mark: 'true' }));
    await clock.advance(3 * MINUTES);
    assert.deepEqual(await look(), { requeueAfterMs: 10_000 });
    assert.deepEqual(calls(), [READ_POD]);
  });

  test('none in this cache, but live there is one: a live read keeps the entry', async () => {
    const { look, clock, calls, api } = anEntryReconciler();
    await look();
    api.put(POD_PATH, present({ mark: 'true' }));
    await clock.advance(HOURS);
    assert.deepEqual(await look(), { requeueAfterMs: 10_000 });
    assert.deepEqual(calls(), [READ_POD]);
  });

  test('one without the label, which no cache is told of: gone, unless it is marked and so still to move', async () => {
    const { look, clock, calls, api, pruned } = anEntryReconciler();
    await look();
    await clock.advance(HOURS);
    api.put(POD_PATH, unlabelled(present({ mark: 'true' })));
    assert.deepEqual(await look(), { requeueAfterMs: 10_000 });
    assert.deepEqual(calls(), [READ_POD]);
    api.put(POD_PATH, unlabelled(present()));
    await clock.advance(10_000);
    await look();
    assert.deepEqual(calls(), [READ_POD, PRUNE]);
    assert.deepEqual(pruned, ['gone']);
  });

  test('another instance of the name without the label, marked or not: gone', async () => {
    for (const mark of [undefined, 'true']) {
      const { look, clock, calls, api } = anEntryReconciler();
      await look();
      await clock.advance(HOURS);
      api.put(POD_PATH, unlabelled(present({ uid: 'uid-b', ...(mark === undefined ? {} : { mark }) })));
      await look();
      assert.deepEqual(calls(), [READ_POD, PRUNE]);
    }
  });
});

const unlabelled = (pod: ReturnType<typeof present>) => ({
  ...pod,
  metadata: { ...(pod.metadata as object), labels: {} },
});

describe('reconciling an entry: time', () => {
  test('counts from when the state began: another instance begins anew', async () => {
    const { look, clock, tell, calls } = anEntryReconciler({ pod: present({ uid: 'uid-b', node: 'node-2' }) });
    await look();
    await clock.advance(RETENTION - SECOND);
    tell({ uid: 'uid-c', node: 'node-2', version: 200 });
    assert.deepEqual(await look(), { requeueAfterMs: RETENTION });
    await clock.advance(RETENTION - 1);
    await look();
    assert.deepEqual(calls(), []);
  });

  test('a node that is drained in between begins anew', async () => {
    const { look, clock, cache, calls } = anEntryReconciler({ pod: present({ uid: 'uid-b', node: 'node-2' }) });
    await look();
    await clock.advance(RETENTION - SECOND);
    const node = cache.nodes.get('node-2') ?? assert.fail();
    cache.nodes.put({ ...node, unschedulable: true, resourceVersion: '60' });
    assert.deepEqual(await look(), {});
    cache.nodes.put({ ...node, resourceVersion: '61' });
    await clock.advance(SECOND);
    assert.deepEqual(await look(), { requeueAfterMs: RETENTION });
    assert.deepEqual(calls(), []);
  });

  test('a pod that is back within the hour is not gone', async () => {
    const { look, clock, tell, calls } = anEntryReconciler();
    await look();
    await clock.advance(HOURS - SECOND);
    tell({ uid: 'uid-b', node: '', version: 200 });
    await look();
    await clock.advance(HOURS);
    assert.deepEqual(await look(), {});
    assert.deepEqual(calls(), []);
  });

  test('an entry that was written anew begins anew', async () => {
    const { look, clock, api, cache, calls } = anEntryReconciler();
    await look();
    await clock.advance(HOURS - SECOND);
    api.annotate(TRACKER_PATH, { [ENTRY_KEY]: ENTRY.replace('11:00', '11:30') });
    cache.trackers.put(cache.project.tracker({ ...api.objects.get(TRACKER_PATH) }));
    assert.deepEqual(await look(), { requeueAfterMs: HOURS });
    assert.deepEqual(calls(), []);
  });

  test('of several entries one that fails does not keep the others from being pruned, and is tried again', async () => {
    const other = 'reschedule.hook/db.other';
    const { look, clock, api } = anEntryReconciler({ annotations: { [other]: ENTRY, [ENTRY_KEY]: ENTRY } });
    await look();
    await clock.advance(HOURS);
    api.before = (call) => {
      if (call.endsWith('/other')) throw new Error('not now');
    };
    await assert.rejects(look(), /not now/);
    assert.deepEqual(Object.keys(api.annotations(TRACKER_PATH)), [other]);
  });

  test('of several entries the one that is due first says when to look again', async () => {
    const { look } = anEntryReconciler({
      pod: present(),
      annotations: { 'reschedule.hook/db.other': ENTRY, [ENTRY_KEY]: ENTRY },
    });
    assert.deepEqual(await look(), { requeueAfterMs: 3 * MINUTES });
  });
});

describe('reconciling an entry of the reference ("true": an unknown earlier instance)', () => {
  const annotations = { [ENTRY_KEY]: 'true' };

  test('waits with a pod that is marked', async () => {
    const { look } = anEntryReconciler({ annotations, pod: present({ mark: 'true' }) });
    assert.deepEqual(await look(), {});
  });

  test('is pruned like any other once a pod is settled', async () => {
    const { look, clock, calls, api } = anEntryReconciler({ annotations, pod: present({ node: 'node-2' }) });
    await look();
    await clock.advance(RETENTION);
    await look();
    assert.deepEqual(calls(), [EVENT, EVENT, PRUNE]);
    const event = api.requests[0]?.body as { message?: string } | undefined;
    assert.equal(event?.message, 'The pod was moved to node node-2 for a drain');
  });

  test('says nothing of a drain where the entry says that there was none', async () => {
    const calm = { [ENTRY_KEY]: '{"uid":"uid-a","node":"node-1","at":"2026-01-01T11:00:00.000Z","draining":false}' };
    const { look, clock, api } = anEntryReconciler({
      annotations: calm,
      pod: present({ uid: 'uid-b', node: 'node-2' }),
    });
    await look();
    await clock.advance(RETENTION);
    await look();
    const event = api.requests[0]?.body as { message?: string } | undefined;
    assert.equal(event?.message, 'The pod was moved from node node-1 to node node-2');
  });
});

describe('the keys of the reconcilers', () => {
  test('are the trackers there are, and those that something is remembered of, until it has looked once more', async () => {
    const { reconciler, cache, look } = anEntryReconciler({ pod: present({ mark: 'true' }) });
    assert.deepEqual([...reconciler.keys()], [TRACKER], 'one that it has never seen');
    await look();
    cache.trackers.replace([]);
    assert.deepEqual([...reconciler.keys()], [TRACKER]);
    await look();
    assert.deepEqual([...reconciler.keys()], []);
  });

  test('are the pods whose earlier instance is remembered, until that is forgotten', async () => {
    const { cache, lookBack, remembered } = anEntryReconciler({ pod: present({ mark: 'true' }) });
    assert.deepEqual(remembered(), []);
    cache.pods.replace([]);
    assert.deepEqual(remembered(), [storeKey(POD)]);
    await lookBack();
    cache.earlierInstances.forget(storeKey(POD));
    assert.deepEqual(remembered(), [storeKey(POD)], 'it still knows since when');
    await lookBack();
    assert.deepEqual(remembered(), []);
  });
});
