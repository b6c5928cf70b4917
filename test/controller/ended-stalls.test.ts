import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EndedStalls } from '../../src/controller/ended-stalls.ts';
import { createPodEvents } from '../../src/controller/pod-events.ts';
import { StalledPodReconciler } from '../../src/controller/stalled-pods.ts';
import { createEmitEvent } from '../../src/kube/events.ts';
import { LOG } from '../../src/log/messages.ts';
import { FakeApi } from '../support/api.ts';
import { MINUTE, NOW, SETTINGS } from '../support/builders.ts';
import { aCache, ENTRY_KEY, POD } from '../support/cache.ts';
import { aLog } from '../support/log.ts';
import { aRawCluster, aRawNode, aRawPod, RESCHEDULE } from '../support/raw.ts';
import { FakeClock } from '../support/time.ts';

const { signal } = new AbortController();
const MARK = { [RESCHEDULE]: 'true' };
const HOLD = { 'reschedule.hook/policy': 'hold' };
const CORDON = { key: 'node.kubernetes.io/unschedulable', timeAdded: new Date(NOW - 16 * MINUTE).toISOString() };
/** Since then the pod has been to move. */
const ENTRY = JSON.stringify({ uid: 'uid-a', node: 'node-1', at: new Date(NOW - 16 * MINUTE).toISOString() });

/** A pod whose annotations somebody changes. `undefined`: the watch tells that there is none. */
function aTenant({ entry = ENTRY } = {}) {
  const [api, log, clock] = [new FakeApi(), aLog(), new FakeClock()];
  clock.epoch = NOW - 1_000;
  const trackers = [aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: entry } } })];
  const nodes = [aRawNode({ spec: { unschedulable: true, taints: [CORDON] } })];
  const cache = aCache({ pods: [], nodes, trackers, now: clock.now, monotonicNow: clock.monotonicNow });
  const emitEvent = createPodEvents(createEmitEvent(api, 'hook-1'), clock, SETTINGS);
  const awaited = { has: () => false };
  const stalls = new StalledPodReconciler({ cache, emitEvent, settings: SETTINGS, log, clock, awaited });
  let version = 100;
  return {
    api,
    log,
    clock,
    stalls,
    async tell(annotations: object | undefined, uid = 'uid-a') {
      const pod = aRawPod({ metadata: { uid, resourceVersion: `${version++}`, ...(annotations && { annotations }) } });
      cache.pods.replace(annotations === undefined ? [] : [cache.project.pod(pod)]);
      return await stalls.reconcile(POD, signal);
    },
    look: () => stalls.reconcile(POD, signal),
  };
}

const TWICE = [LOG.stalled, LOG.unstalled, LOG.stalled, LOG.unstalled];

describe('a pod that somebody has stall and not stall as often as they like', () => {
  for (const [what, stalled, not, entry] of [
    ['its mark', MARK, {}, ENTRY],
    ['a label by which it is protected', MARK, undefined, ENTRY],
    ['what people say of it', HOLD, {}, '{}'],
  ] as const)
    test(`${what}: it is reported twice, and counts all the same`, async () => {
      const { api, log, clock, stalls, tell } = aTenant({ entry });
      for (let i = 0; i < 500; i++) {
        await tell(stalled);
        assert.equal(stalls.count, 1);
        await clock.advance(50);
        await tell(not);
        assert.equal(stalls.count, 0);
        await clock.advance(50);
      }
      assert.deepEqual(log.messages(), TWICE);
      assert.ok(api.calls.length <= 4, `${api.calls.length} calls`);
    });

  async function flipped() {
    const world = aTenant();
    for (let i = 0; i < 3; i++) {
      await world.tell(MARK);
      await world.tell({});
    }
    assert.deepEqual(world.log.messages(), TWICE);
    return world;
  }

  test('once it has stalled for half an hour without a break it is reported, and that it does not any more', async () => {
    const { api, log, clock, tell, look } = await flipped();
    api.calls.length = 0;
    assert.deepEqual(await tell(MARK), { requeueAfterMs: 30 * MINUTE });
    await clock.advance(30 * MINUTE - 1);
    assert.deepEqual(await look(), { requeueAfterMs: 1 });
    assert.deepEqual([log.messages(), api.calls], [TWICE, []]);
    await clock.advance(1);
    assert.deepEqual(await look(), { requeueAfterMs: 60 * MINUTE });
    assert.deepEqual([log.messages(), api.calls.length], [[...TWICE, LOG.stalled], 2]);
    await tell({});
    assert.deepEqual(log.messages(), [...TWICE, LOG.stalled, LOG.unstalled]);
  });

  for (const [stalledFor, calmFor] of [
    [29, 1],
    [20, 10],
    [29, 29],
  ] as const)
    test(`stalled for ${stalledFor} minutes and calm for ${calmFor}, for a day: it is reported all day`, async () => {
      const { log, clock, tell, look } = aTenant();
      const at = { 0: () => tell(MARK), [stalledFor]: () => tell({}) };
      for (let minute = 0; minute < 24 * 60; minute++) {
        await (at[minute % (stalledFor + calmFor)] ?? look)();
        await clock.advance(MINUTE);
      }
      const reports = log.messages().filter((message) => message === LOG.stalled).length;
      assert.ok(reports >= 12 && reports <= 48, `${reports} reports`);
    });

  test('half an hour after its last stall it is one like any other', async () => {
    const { log, clock, tell } = await flipped();
    await clock.advance(30 * MINUTE);
    await tell(MARK);
    assert.deepEqual(log.messages(), [...TWICE, LOG.stalled]);
  });

  test('its successor is another one', async () => {
    const { log, stalls, tell } = await flipped();
    await tell(MARK);
    await tell(HOLD, 'uid-b');
    assert.deepEqual([log.lines.at(-1)?.fields.uid, stalls.count], ['uid-b', 1]);
  });
});

test('of 10,000 instances it is known how often they stalled, of each for half an hour', async () => {
  const clock = new FakeClock();
  const ended = new EndedStalls(clock);
  ended.end('old', { times: 1 });
  await clock.advance(10 * MINUTE);
  for (let i = 0; i < 10_000; i++) ended.end(`${i}`, { times: 2 });
  const times = (...uids: string[]) => uids.map((uid) => ended.last(uid)?.times);
  assert.deepEqual(times('old', '0', '9999'), [undefined, 2, 2]);
  await clock.advance(30 * MINUTE);
  assert.deepEqual(times('0', '9999'), [undefined, undefined]);
  ended.end('new', { times: 1, dueMs: 5 });
  assert.equal(ended.last('new')?.dueMs, 5);
});
