import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Controller } from '../../src/controller/controller.ts';
import { createPodEvents } from '../../src/controller/pod-events.ts';
import { StalledPodReconciler } from '../../src/controller/stalled-pods.ts';
import type { JsonObject } from '../../src/kube/client.ts';
import { createEmitEvent } from '../../src/kube/events.ts';
import { LOG } from '../../src/log/messages.ts';
import { couchbaseCluster } from '../../src/policy/tracking/couchbasecluster.ts';
import { createTracking } from '../../src/policy/tracking/index.ts';
import { FakeApi, refusal } from '../support/api.ts';
import { NOW, PROFILE, SETTINGS, settingsWith } from '../support/builders.ts';
import { aCache, ENTRY_KEY, POD } from '../support/cache.ts';
import { EVENT, MINUTES } from '../support/entries.ts';
import { aLog } from '../support/log.ts';
import { aRawCluster, aRawNode, aRawPod, markedBy, RESCHEDULE } from '../support/raw.ts';
import { FakeClock } from '../support/time.ts';

const STALL_AFTER = PROFILE.stallAfterMs;
const HOUR = 60 * MINUTES;
const { signal } = new AbortController();

interface Marked {
  readonly uid?: string;
  /** How long ago it was marked; unknown where absent. */
  readonly ageMs?: number;
  readonly value?: string;
  readonly deletionTimestamp?: string;
  readonly ownerReferences?: readonly object[];
  readonly nodeName?: string;
}

let version = 100;
const ago = (ms: number) => new Date(NOW - ms).toISOString();

function markedPod({ uid = 'uid-a', ageMs, value = 'true', nodeName = 'node-1', ...metadata }: Marked) {
  const at = ageMs === undefined ? undefined : new Date(NOW - ageMs).toISOString();
  return aRawPod({
    metadata: {
      uid,
      resourceVersion: `${version++}`,
      annotations: { [RESCHEDULE]: value },
      ...(at === undefined ? {} : { managedFields: markedBy('reschedule-hook', at) }),
      ...metadata,
    },
    spec: { nodeName },
  });
}

/** How many pods of the only profile are stalled, by hindrance. */
const stalledIn = (reporter: StalledPodReconciler) => reporter.byProfile().get(PROFILE.name) ?? [];

function aStallReporter(pod?: Marked, trackers: readonly JsonObject[] = [], tracking = couchbaseCluster) {
  const api = new FakeApi();
  const log = aLog();
  const clock = new FakeClock();
  const cache = aCache({ pods: pod === undefined ? [] : [markedPod(pod)], trackers, tracking });
  const time = { now: NOW };
  const reporter = new StalledPodReconciler({
    awaited: { has: () => false },
    cache,
    emitEvent: createPodEvents(createEmitEvent(api, 'hook-1'), { now: () => time.now }, SETTINGS),
    settings: settingsWith({ tracking }),
    log,
    clock: { now: () => time.now, monotonicNow: clock.monotonicNow },
  });
  return {
    reporter,
    api,
    log,
    cache,
    time,
    clock,
    look: () => reporter.reconcile(POD, signal),
    tell: (next: Marked) => cache.pods.put(cache.project.pod(markedPod(next))),
    remove: () => cache.pods.replace([]),
  };
}

describe('StalledPodReconciler', () => {
  test('waits until the mark is STALL_AFTER old, by the time that the API server tells', async () => {
    const { reporter, look, api } = aStallReporter({ ageMs: STALL_AFTER - 1 });
    assert.deepEqual(await look(), { requeueAfterMs: 1 });
    assert.deepEqual(api.calls, []);
    assert.equal(reporter.count, 0);
  });

  test('then reports the pod once: Event, log, metric', async () => {
    const { reporter, look, api, log } = aStallReporter({ ageMs: STALL_AFTER });
    assert.deepEqual(await look(), { requeueAfterMs: HOUR });
    assert.deepEqual(await look(), { requeueAfterMs: HOUR });
    assert.deepEqual(api.calls, [EVENT]);
    const { type, reason, message } = (api.requests.at(0)?.body ?? {}) as Record<string, unknown>;
    assert.deepEqual([type, reason], ['Warning', 'RescheduleStalled']);
    const expected =
      'The pod was marked over 15m ago and the operator of CouchbaseCluster cb has not moved it; drains of node node-1 wait';
    assert.equal(message, expected);
    const fields = { pod: 'cb-0000', namespace: 'db', uid: 'uid-a', node: 'node-1', owner: 'cb', profile: 'couchbase' };
    assert.deepEqual(log.lines, [{ level: 'warn', message: LOG.stalled, fields }]);
    assert.equal(reporter.count, 1);
  });

  test('reports a pod that stays stalled again, at growing intervals up to a day', async () => {
    const { look, api, log, clock, reporter } = aStallReporter({ ageMs: STALL_AFTER });
    const reportedAt: number[] = [];
    for (let hour = 0; hour <= 96; hour++) {
      const before = log.lines.length;
      await look();
      await look();
      if (log.lines.length > before) reportedAt.push(hour);
      await clock.advance(HOUR);
    }
    assert.deepEqual(reportedAt, [0, 1, 4, 12, 24, 48, 72, 96]);
    assert.deepEqual(log.lines[7]?.fields, { ...log.lines[0]?.fields, report: 8 });
    const names = api.requests.map(({ body }) => (body as { metadata: { name: string } }).metadata.name);
    assert.equal(new Set(names).size, 8, 'each report is an Event of its own');
    assert.equal(names.length, 8);
    assert.equal(reporter.count, 1);
  });

  test('looks again when the next report is due, and makes one for all that it missed', async () => {
    const { look, api, log, clock } = aStallReporter({ ageMs: STALL_AFTER });
    await look();
    await clock.advance(HOUR / 2);
    assert.deepEqual(await look(), { requeueAfterMs: HOUR / 2 });
    await clock.advance(23 * HOUR);
    assert.deepEqual(await look(), { requeueAfterMs: HOUR / 2 });
    assert.equal(log.lines.length, 2);
    assert.equal(api.requests.length, 2);
  });

  test('says why, as far as the tracking resource tells: on both objects, in the log and in the metric', async () => {
    const world = aStallReporter({ ageMs: STALL_AFTER }, [aRawCluster({ spec: { paused: true } })]);
    assert.deepEqual([...stalledIn(world.reporter)], []);
    await world.look();
    const why =
      'was marked over 15m ago and the operator of CouchbaseCluster cb has not moved it (CouchbaseCluster cb reports Paused); drains of node node-1 wait';
    const events = world.api.requests.map(
      ({ body }) => body as { message: string; involvedObject: { kind: string; name: string; namespace: string } },
    );
    assert.deepEqual(
      events.map(({ message, involvedObject: { kind, namespace, name } }) => [message, kind, namespace, name]),
      [
        [`The pod ${why}`, 'Pod', 'db', 'cb-0000'],
        [`Pod cb-0000 ${why}`, 'CouchbaseCluster', 'db', 'cb'],
      ],
    );
    assert.equal(world.log.lines[0]?.fields.hindrance, 'Paused');
    assert.deepEqual(
      [...stalledIn(world.reporter)],
      [
        ['None', 0],
        ['Paused', 1],
      ],
    );
  });

  test('names no node where the pod has none', async () => {
    const { look, api } = aStallReporter({ ageMs: STALL_AFTER, nodeName: '' });
    await look();
    assert.match(
      String((api.requests[0]?.body as { message?: string } | undefined)?.message),
      /; drains of its node wait$/,
    );
  });

  test('speaks of no operator by name where the pod has no owner', async () => {
    const { look, api } = aStallReporter({ ageMs: STALL_AFTER, ownerReferences: [] });
    await look();
    assert.match(String((api.requests[0]?.body as { message?: string } | undefined)?.message), /and its operator has/);
  });

  test('counts from when it saw the mark, on the monotonic clock, where its time is not told', async () => {
    const { look, api, clock, time } = aStallReporter({});
    assert.deepEqual(await look(), { requeueAfterMs: STALL_AFTER });
    time.now += 24 * 60 * MINUTES;
    await clock.advance(STALL_AFTER - 1);
    assert.deepEqual(await look(), { requeueAfterMs: 1 });
    await clock.advance(1);
    await look();
    assert.deepEqual(api.calls, [EVENT]);
  });

  for (const [what, pod] of [
    ['is not marked', { value: 'false', ageMs: STALL_AFTER }],
    ['is terminating', { ageMs: STALL_AFTER, deletionTimestamp: '2026-01-01T12:00:00Z' }],
  ] as const) {
    test(`leaves a pod alone that ${what}`, async () => {
      const { look, api } = aStallReporter(pod);
      assert.deepEqual(await look(), {});
      assert.deepEqual(api.calls, []);
    });
  }

  test('leaves a pod alone that is not there', async () => {
    const { look, log } = aStallReporter();
    assert.deepEqual(await look(), {});
    assert.deepEqual(log.lines, []);
  });

  for (const [what, act] of [
    ['is gone', ({ remove }: ReturnType<typeof aStallReporter>) => remove()],
    ['is no longer marked', ({ tell }: ReturnType<typeof aStallReporter>) => tell({ value: 'false' })],
    ['is another instance', ({ tell }: ReturnType<typeof aStallReporter>) => tell({ uid: 'uid-b', value: 'false' })],
    ['is another instance, marked too', ({ tell }: ReturnType<typeof aStallReporter>) => tell({ uid: 'uid-b' })],
  ] as const) {
    test(`says so when a stalled pod ${what}`, async () => {
      const world = aStallReporter({ ageMs: STALL_AFTER });
      await world.look();
      act(world);
      await world.look();
      assert.equal(world.reporter.count, 0);
      const fields = { pod: 'cb-0000', namespace: 'db', uid: 'uid-a', profile: 'couchbase' };
      assert.deepEqual(world.log.lines.at(-1), { level: 'info', message: LOG.unstalled, fields });
    });
  }

  test('reports another instance of the name that stalls anew', async () => {
    const { look, tell, api, clock, reporter } = aStallReporter({});
    await look();
    await clock.advance(STALL_AFTER - 1);
    tell({ uid: 'uid-b' });
    assert.deepEqual(await look(), { requeueAfterMs: STALL_AFTER });
    await clock.advance(STALL_AFTER);
    await look();
    const uids = api.requests.map(({ body }) => (body as { involvedObject: { uid: string } }).involvedObject.uid);
    assert.deepEqual(uids, ['uid-b']);
    assert.equal(reporter.count, 1);
  });

  test('says so of an instance whose successor stalls at once, where its end was not seen', async () => {
    const { look, tell, log, reporter } = aStallReporter({ ageMs: STALL_AFTER });
    await look();
    tell({ uid: 'uid-b', ageMs: STALL_AFTER });
    await look();
    assert.deepEqual(
      log.lines.map(({ message, fields }) => [message, fields?.uid]),
      [
        [LOG.stalled, 'uid-a'],
        [LOG.unstalled, 'uid-a'],
        [LOG.stalled, 'uid-b'],
      ],
    );
    assert.equal(reporter.count, 1);
    assert.deepEqual([...stalledIn(reporter)], [['None', 1]]);
  });

  test('reports a pod that was marked anew, stalls anew, and was not forgotten in between', async () => {
    const { look, tell, log } = aStallReporter({ ageMs: STALL_AFTER });
    await look();
    tell({ value: 'false' });
    await look();
    tell({ ageMs: STALL_AFTER });
    await look();
    assert.deepEqual(log.messages(), [LOG.stalled, LOG.unstalled, LOG.stalled]);
  });

  test('an Event that cannot be written keeps neither log nor metric back, and is tried again', async () => {
    const { look, api, log, reporter } = aStallReporter({ ageMs: STALL_AFTER });
    api.before = () => {
      throw refusal(500, { reason: 'InternalError' });
    };
    await assert.rejects(look(), { code: 500 });
    await assert.rejects(look(), { code: 500 });
    assert.deepEqual(log.messages(), [LOG.stalled]);
    assert.equal(reporter.count, 1);
    api.before = () => undefined;
    await look();
    await look();
    assert.deepEqual(api.calls, [EVENT, EVENT, EVENT]);
    assert.deepEqual(log.messages(), [LOG.stalled]);
  });

  for (const [what, error, lines] of [
    ['by a quota', refusal(403, { reason: 'Forbidden', message: 'exceeded quota: count/events' }), 1],
    [
      'for want of the permission',
      refusal(403, { reason: 'Forbidden', message: 'cannot create resource "events"' }),
      20,
    ],
    ['by a webhook that does not answer', refusal(500, { message: 'failed calling webhook "x"' }), 20],
  ] as const)
    test(`an Event that is refused ${what} for days is not written, and that costs little`, async () => {
      const { reporter, api, log, clock } = aStallReporter({ ageMs: STALL_AFTER });
      api.before = () => {
        throw error;
      };
      const controller = new Controller({ reconciler: reporter, clock, random: () => 0.5, log });
      controller.start();
      controller.queue.add(POD);
      for (let minute = 0; minute < 2 * 24 * 60; minute++) await clock.advance(MINUTES);
      await controller.stop();
      const count = (message: string) => log.messages().filter((one) => one === message).length;
      assert.deepEqual([count(LOG.stalled), count(LOG.eventFailed)], [5, 5]);
      assert.ok(log.messages().length <= 10 + 5 * lines, `${log.messages().length} lines`);
      assert.ok(api.calls.length <= 5 * lines, `${api.calls.length} calls`);
    });

  test('an Event that another replica has written is no failure', async () => {
    const { look, api, reporter } = aStallReporter({ ageMs: STALL_AFTER });
    api.before = () => {
      throw refusal(409, { reason: 'AlreadyExists' });
    };
    assert.deepEqual(await look(), { requeueAfterMs: HOUR });
    assert.equal(reporter.count, 1);
  });

  test('an entry of the type of tracking before says since when a pod is marked, too', async () => {
    const home = { namespace: 'hooks', installation: 'reschedule-hook' };
    const tracking = createTracking({ type: 'couchbasecluster', also: ['namespace'] }, home);
    const entry = JSON.stringify({ uid: 'uid-a', at: ago(16 * MINUTES) });
    const { reporter, cache, look } = aStallReporter({ ageMs: MINUTES }, [], tracking);
    assert.deepEqual(await look(), { requeueAfterMs: STALL_AFTER - MINUTES });
    const namespace = { metadata: { name: 'db', uid: 'u', resourceVersion: '1', annotations: { [ENTRY_KEY]: entry } } };
    cache.trackers.put(cache.project.tracker(namespace, tracking.resources[1]));
    await look();
    assert.equal(reporter.count, 1);
  });

  test('is counted for the profile that selected it when it was found', async () => {
    const { reporter, cache, look } = aStallReporter({ ageMs: STALL_AFTER });
    await look();
    const counted = () => [...reporter.byProfile()].map(([profile, counts]) => [profile, Object.fromEntries(counts)]);
    assert.deepEqual(counted(), [['couchbase', { None: 1 }]]);
    cache.trackers.replace([cache.project.tracker(aRawCluster({ spec: { paused: true } }))]);
    assert.deepEqual(counted(), [['couchbase', { None: 0, Paused: 1 }]]);
    cache.pods.replace([]);
    await look();
    assert.deepEqual(counted(), [['couchbase', { None: 0 }]]);
  });

  /** A pod that came back to its draining node twice. */
  function aReturn(conditions: readonly object[], unschedulable: boolean) {
    const world = aStallReporter();
    const { cache } = world;
    const put = (isDraining: boolean) => {
      const taints = [{ key: 'node.kubernetes.io/unschedulable', timeAdded: ago(2 * MINUTES) }];
      const spec = isDraining && unschedulable ? { unschedulable, taints } : {};
      const status = isDraining ? { conditions } : {};
      const metadata = { resourceVersion: `${version++}` };
      cache.nodes.put(cache.project.node(aRawNode({ metadata, spec, status })));
    };
    const entry = JSON.stringify({ uid: 'uid-a', node: 'node-1', nodeUid: 'uid-node-1', returns: 1 });
    cache.nodes.replace([]);
    put(true);
    cache.trackers.replace([cache.project.tracker(aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: entry } } }))]);
    const status = { conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: ago(MINUTES) }] };
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { uid: 'uid-b' }, status })));
    return { ...world, put };
  }

  test('a pod that comes back to its draining node is reported at once, until the node is uncordoned', async () => {
    const { reporter, api, log, look, put } = aReturn([], true);
    await look();
    await look();
    assert.deepEqual(log.messages('warn'), [LOG.stalled]);
    assert.equal(api.calls.filter((call) => call === EVENT).length, 2, 'on the pod and on its tracker');
    assert.deepEqual(
      [...stalledIn(reporter)],
      [
        ['None', 0],
        ['ComesBack', 1],
      ],
    );
    put(false);
    await look();
    assert.deepEqual(log.messages('info'), [LOG.unstalled]);
    assert.equal(reporter.count, 0);
  });

  test('of a sign that comes and goes for an hour there is one report, and its second one', async () => {
    const { reporter, api, log, clock, look, put } = aReturn([{ type: 'DrainInProgress', status: 'True' }], false);
    for (let i = 0; i < 361; i++) {
      put(i % 2 === 0);
      await look();
      await clock.advance(10_000);
    }
    assert.deepEqual(log.messages(), [LOG.stalled, LOG.stalled]);
    assert.equal(api.calls.filter((call) => call === EVENT).length, 4);
    assert.equal(reporter.count, 1);
    put(false);
    assert.deepEqual(await look(), { requeueAfterMs: 30 * MINUTES });
    await clock.advance(30 * MINUTES);
    assert.deepEqual(await look(), {});
    assert.deepEqual([log.messages('info'), reporter.count], [[LOG.unstalled], 0]);
  });

  test('a pod that comes back and goes, ends, or is marked is reported no more at once', async () => {
    const returned = () => aReturn([{ type: 'DrainInProgress', status: 'True' }], false);
    for (const act of [
      ({ remove }: ReturnType<typeof returned>) => remove(),
      ({ tell }: ReturnType<typeof returned>) => tell({ uid: 'uid-b', value: 'false', deletionTimestamp: ago(0) }),
      ({ tell }: ReturnType<typeof returned>) => tell({ uid: 'uid-b', ageMs: 0 }),
    ]) {
      const world = returned();
      await world.look();
      assert.equal(world.reporter.count, 1);
      world.put(false);
      await world.look();
      assert.equal(world.reporter.count, 1, 'the sign may come again');
      act(world);
      await world.look();
      assert.equal(world.reporter.count, 0);
    }
  });

  test('its keys are the pods there are, and those that it remembers, until it has looked at them once more', async () => {
    const { reporter, look, remove } = aStallReporter({ ageMs: STALL_AFTER });
    assert.deepEqual([...reporter.keys()], [POD], 'one that it has never seen');
    await look();
    remove();
    assert.deepEqual([...reporter.keys()], [POD]);
    await look();
    assert.deepEqual([...reporter.keys()], []);
    assert.equal(reporter.count, 0);
  });
});
