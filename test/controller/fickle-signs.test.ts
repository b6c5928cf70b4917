import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Controller } from '../../src/controller/controller.ts';
import { AwaitedPods } from '../../src/controller/marks/awaited.ts';
import { WithdrawalReconciler } from '../../src/controller/marks/withdrawals.ts';
import { createPodEvents } from '../../src/controller/pod-events.ts';
import { StalledPodReconciler } from '../../src/controller/stalled-pods.ts';
import { createEmitEvent } from '../../src/kube/events.ts';
import { createReads } from '../../src/kube/reads.ts';
import { createWrites } from '../../src/kube/writes.ts';
import { LOG } from '../../src/log/messages.ts';
import type { PolicySettings } from '../../src/policy/profiles/profile.ts';
import { FakeApi, refusal } from '../support/api.ts';
import { MINUTE, NOW, PROFILE, SETTINGS, settingsWith, without } from '../support/builders.ts';
import { aCache, NODE_PATH, POD, POD_KEY, POD_PATH } from '../support/cache.ts';
import { aLog } from '../support/log.ts';
import { aRawCluster, aRawNode, aRawPod, markedBy, RESCHEDULE } from '../support/raw.ts';
import { FakeClock } from '../support/time.ts';

/*
 * A drain that lasts a day, and whose signs come and go: a taint of a controller, a condition, a drainer that asks seldom. The
 * administrator hears of it, and not at every turn.
 */
const A_DAY = 24 * 60;
const { signal } = new AbortController();
const TAINT = { spec: { taints: [{ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' }] } };
const CONDITION = { status: { conditions: [{ type: 'DrainInProgress', status: 'True' }] } };
const HELD = aRawPod({ metadata: { annotations: { 'reschedule.hook/policy': 'hold' } } });

type RawPod = ReturnType<typeof aRawPod>;

function markedAt(at: number, metadata: object = {}): RawPod {
  const managedFields = markedBy('reschedule-hook', new Date(at).toISOString());
  return aRawPod({ metadata: { annotations: { [RESCHEDULE]: 'true' }, managedFields, ...metadata } });
}

function aDay(pods: readonly RawPod[], settings: PolicySettings = SETTINGS) {
  const [api, log, clock] = [new FakeApi(), aLog(), new FakeClock()];
  clock.epoch = NOW - 1_000;
  const trackers = [aRawCluster({ spec: { paused: true } })];
  const cache = aCache({
    pods: [...pods],
    nodes: [],
    trackers,
    settings,
    now: clock.now,
    monotonicNow: clock.monotonicNow,
  });
  const awaited = new AwaitedPods(clock);
  const emitEvent = createPodEvents(createEmitEvent(api, 'hook-1'), clock, settings);
  const shared = { cache, emitEvent, settings, log, clock };
  const stalls = new StalledPodReconciler({ ...shared, awaited });
  let version = 2_000;
  const resourceVersion = () => `${version++}`;
  return {
    api,
    log,
    clock,
    awaited,
    cache,
    shared,
    stalls,
    resourceVersion,
    /** What the API server has of the node, and the watch tells of it. */
    node(raw: object) {
      const node = aRawNode({ metadata: { resourceVersion: resourceVersion() }, ...raw });
      api.put(NODE_PATH, node);
      cache.nodes.put(cache.project.node(node));
    },
    pod(raw: RawPod) {
      api.put(POD_PATH, raw);
      cache.pods.put(cache.project.pod(raw));
    },
  };
}

/** The drainer asks again for as long as its sign is there, and the hook marks the pod. True if it was marked just now. */
function askWhile(isDraining: boolean, { cache, pod, clock, resourceVersion }: ReturnType<typeof aDay>): boolean {
  if (!isDraining || cache.pods.get(POD_KEY)?.mark !== undefined) return false;
  pod(markedAt(clock.now(), { resourceVersion: resourceVersion() }));
  return true;
}

/** That sign is there for STALL_AFTER. */
async function stallBy(sign: object, { node, stalls, clock }: ReturnType<typeof aDay>): Promise<void> {
  node(sign);
  await stalls.reconcile(POD, signal);
  await clock.advance(15 * MINUTE);
  await stalls.reconcile(POD, signal);
}

/** The watch tells of a mark that was taken back. */
function tellOfMark({ api, pod, resourceVersion }: ReturnType<typeof aDay>): void {
  if (!(RESCHEDULE in api.annotations(POD_PATH))) pod(aRawPod({ metadata: { resourceVersion: resourceVersion() } }));
}

/** The sign is away for the last minute of each cycle. Resolves to how often the pod was marked. */
async function flap(cycle: number, day: ReturnType<typeof aDay>): Promise<number> {
  const { api, shared, stalls, clock } = day;
  const withdrawals = new WithdrawalReconciler({ ...shared, reads: createReads(api), writes: createWrites(api) });
  let marks = 0;
  for (let quarter = 0; quarter < 4 * A_DAY; quarter++) {
    const isDraining = quarter % (4 * cycle) < 4 * (cycle - 1);
    day.node(isDraining ? TAINT : {});
    if (askWhile(isDraining, day)) marks += 1;
    await withdrawals.reconcile(POD, signal);
    tellOfMark(day);
    await stalls.reconcile(POD, signal);
    await clock.advance(15_000);
  }
  return marks;
}

describe('a mark that the hook takes back, and a sign that comes and goes', () => {
  for (const cycle of [2, 10])
    test(`is away for one of ${cycle} minutes: marked a few times, then it stays, and the pod is reported`, async () => {
      const day = aDay([], settingsWith({ withdraws: true }));
      const marks = await flap(cycle, day);
      assert.ok(marks > 1 && marks < 5, `${marks} marks`);
      assert.equal(day.log.messages('warn').filter((one) => one === LOG.stalled).length, 4);
    });

  test('a drain that was given up days ago has nothing to do with it', async () => {
    const { cache, node, pod, resourceVersion, clock } = aDay([], settingsWith({ withdraws: true }));
    const giveUp = () => {
      node({ spec: { unschedulable: true } });
      pod(markedAt(clock.now(), { resourceVersion: resourceVersion() }));
      node({});
      pod(aRawPod({ metadata: { resourceVersion: resourceVersion() } }));
      return cache.markMemory.takenBack(POD_KEY, 'uid-a');
    };
    assert.deepEqual([giveUp(), giveUp()], [1, 2]);
    await clock.advance(A_DAY * MINUTE);
    assert.equal(cache.markMemory.takenBack(POD_KEY, 'uid-a'), 0);
    assert.equal(giveUp(), 1);
    pod(aRawPod({ metadata: { uid: 'uid-b', resourceVersion: resourceVersion() } }));
    assert.equal(cache.markMemory.takenBack(POD_KEY, 'uid-b'), 0, 'another instance');
  });
});

describe('a pod without a mark, and a sign that comes and goes', () => {
  for (const [what, sign] of [
    ['a taint without a time', TAINT],
    ['a condition without a time', CONDITION],
  ] as const)
    test(`hold: ${what} that is away for one of 17 minutes is one wait`, async () => {
      const { log, stalls, node, clock } = aDay([HELD]);
      for (let minute = 0; minute < A_DAY; minute++) {
        node(minute % 17 === 16 ? {} : sign);
        await stalls.reconcile(POD, signal);
        await clock.advance(MINUTE);
      }
      assert.deepEqual(log.messages(), Array(4).fill(LOG.stalled));
    });

  const other = markedAt(NOW, { name: 'cb-0001', uid: 'uid-o' });
  for (const [what, pods, settings] of [
    ['hold', [HELD], SETTINGS],
    [
      'others of its group',
      [aRawPod(), other],
      settingsWith({ maxConcurrent: { pods: 1, by: ['couchbase_cluster'] } }),
    ],
  ] as const)
    test(`${what}: it is reported, though the condition is away for one of 11 minutes, and new each time`, async () => {
      const { log, stalls, node, clock } = aDay(pods, settings);
      for (let minute = 0; minute < A_DAY; minute++) {
        const lastTransitionTime = new Date(clock.now() - (minute % 11) * MINUTE).toISOString();
        const conditions = [{ type: 'DrainInProgress', status: 'True', lastTransitionTime }];
        node(minute % 11 === 10 ? {} : { status: { conditions } });
        await stalls.reconcile(POD, signal);
        await clock.advance(MINUTE);
      }
      assert.deepEqual(log.messages(), Array(4).fill(LOG.stalled));
    });

  for (const [what, settings] of [
    ['a budget that allows none', settingsWith({ respectsBudgets: true })],
    ['a profile without a mark', { ...SETTINGS, profiles: [without(PROFILE, 'mark')] }],
  ] as const)
    test(`${what}: a drainer that asks every 12 minutes waits all the time`, async () => {
      const { log, stalls, node, clock, awaited } = aDay([aRawPod()], settings);
      node({ spec: { unschedulable: true } });
      const controller = new Controller({ reconciler: stalls, clock, random: () => 0.5, log });
      controller.start();
      for (let minute = 0; minute < A_DAY; minute++) {
        if (minute % 12 === 0 && awaited.note({ ...POD, uid: 'uid-a' })) controller.queue.add(POD);
        await clock.advance(MINUTE);
      }
      assert.deepEqual(log.messages(), Array(4).fill(LOG.stalled));
      await clock.advance(41 * MINUTE);
      assert.deepEqual(log.messages('info'), [LOG.unstalled], 'it has given up');
      await controller.stop();
    });

  for (const [what, pods, settings, change] of [
    ['the word hold', [HELD], SETTINGS, aRawPod({ metadata: { resourceVersion: '900' } })],
    [
      'the others of its group',
      [aRawPod(), other],
      settingsWith({ maxConcurrent: { pods: 1, by: ['couchbase_cluster'] } }),
      aRawPod({ metadata: { name: 'cb-0001', uid: 'uid-o', resourceVersion: '900' } }),
    ],
  ] as const)
    test(`${what} may go while the sign stays: then it waits no more`, async () => {
      const day = aDay(pods, settings);
      const { log, stalls, cache } = day;
      await stallBy(TAINT, day);
      cache.pods.put(cache.project.pod(change));
      await stalls.reconcile(POD, signal);
      assert.deepEqual([log.messages(), stalls.count], [[LOG.stalled, LOG.unstalled], 0]);
    });

  test('a pod that is marked in the moment that hold goes is not held any more', async () => {
    const day = aDay([HELD]);
    const { log, stalls, clock, pod } = day;
    await stallBy(TAINT, day);
    pod(markedAt(clock.now(), { resourceVersion: '900' }));
    await stalls.reconcile(POD, signal);
    assert.deepEqual([log.messages(), stalls.count], [[LOG.stalled, LOG.unstalled], 0]);
  });

  test('a drain of half an hour later has not waited for 15 minutes', async () => {
    const { log, stalls, node, clock, awaited } = aDay([aRawPod()], settingsWith({ respectsBudgets: true }));
    node({ spec: { unschedulable: true } });
    awaited.note({ ...POD, uid: 'uid-a' });
    for (let minute = 0; minute < 35; minute++) {
      await stalls.reconcile(POD, signal);
      await clock.advance(MINUTE);
    }
    awaited.note({ ...POD, uid: 'uid-a' });
    await stalls.reconcile(POD, signal);
    assert.deepEqual(log.messages(), []);
  });

  test('an Event of a report that was due while the sign was away is tried again, too', async () => {
    const day = aDay([HELD]);
    const { log, stalls, node, clock, api } = day;
    await stallBy(TAINT, day);
    await clock.advance(50 * MINUTE);
    node({});
    await stalls.reconcile(POD, signal);
    await clock.advance(16 * MINUTE);
    node(TAINT);
    api.before = () => {
      throw refusal(500, { reason: 'InternalError' });
    };
    await assert.rejects(stalls.reconcile(POD, signal), { code: 500 });
    await clock.advance(5 * MINUTE);
    await stalls.reconcile(POD, signal);
    assert.deepEqual(log.messages(), [LOG.stalled, LOG.stalled, LOG.eventFailed]);
  });

  test('a cordon that is gone is over at once', async () => {
    const day = aDay([HELD]);
    const { log, stalls, node } = day;
    await stallBy({ spec: { unschedulable: true } }, day);
    node({});
    await stalls.reconcile(POD, signal);
    assert.deepEqual(log.messages(), [LOG.stalled, LOG.unstalled]);
  });
});
