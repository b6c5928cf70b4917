import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EndedDrains } from '../../../src/cache/memories/ended-drains.ts';
import { Observer } from '../../../src/cache/observer.ts';
import { EarlierInstanceReconciler } from '../../../src/controller/earlier-instances.ts';
import { EntryReconciler } from '../../../src/controller/entries.ts';
import { createPodEvents } from '../../../src/controller/pod-events.ts';
import { createEmitEvent } from '../../../src/kube/events.ts';
import { createReads } from '../../../src/kube/reads.ts';
import { createWrites } from '../../../src/kube/writes.ts';
import { next } from '../../../src/policy/next.ts';
import { FakeApi } from '../../support/api.ts';
import { aPod, aRequest, MINUTE, NOW, SETTINGS } from '../../support/builders.ts';
import { aCache, ENTRY_KEY, NODE_PATH, POD_KEY, POD_PATH, TRACKER, TRACKER_PATH } from '../../support/cache.ts';
import { aLog } from '../../support/log.ts';
import { aRawCluster, aRawNode, aRawPod } from '../../support/raw.ts';
import { FakeClock } from '../../support/time.ts';

const { signal } = new AbortController();
const settings = { ...SETTINGS, drainConditions: ['DrainInProgress'] };
const boundFor = (ms: number) => ({
  status: {
    conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: new Date(NOW - ms).toISOString() }],
  },
});
const entry = JSON.stringify({ uid: 'uid-0', node: 'node-0', at: new Date(NOW - 3 * MINUTE).toISOString() });

/** A pod that came to node-1 from node-0, whose drainer asks for it by name; and so may the drainer of node-1. */
function aMovedPod({ pod = aRawPod(boundFor(2 * MINUTE)), policy = settings, nodesAgeMs = 0 } = {}) {
  const [api, clock, log] = [new FakeApi(), new FakeClock(), aLog()];
  clock.epoch = NOW;
  const tracker = aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: entry } } });
  const made = aCache({
    pods: [pod],
    nodes: [],
    trackers: [tracker],
    settings: policy,
    now: clock.now,
    monotonicNow: clock.monotonicNow,
  });
  const cache = { ...made, nodesAgeMs: () => nodesAgeMs };
  const reads = createReads(api);
  const observer = new Observer({ cache, reads, settings: policy, clock });
  const emitEvent = createPodEvents(createEmitEvent(api, 'hook-1'), clock, policy);
  const shared = { cache, settings: policy, log, clock };
  const entries = new EntryReconciler({ ...shared, reads, writes: createWrites(api), emitEvent });
  const memories = new EarlierInstanceReconciler(shared);
  api.put(TRACKER_PATH, tracker);
  let version = 100;
  api.put(POD_PATH, pod);
  return {
    api,
    clock,
    cache,
    /** What the API server has, and the watch tells of it unless it `lags`. */
    node(raw: object, lags = false) {
      const node = aRawNode({ metadata: { resourceVersion: `${version++}` }, ...raw });
      api.put(NODE_PATH, node);
      if (!lags) cache.nodes.put(cache.project.node(node));
    },
    async prune() {
      await memories.reconcile({ namespace: 'db', name: 'cb-0000' });
      await entries.reconcile(TRACKER, signal);
    },
    async answer(): Promise<string> {
      let seen = observer.begin(aRequest());
      let step = next(seen, policy);
      while (step.kind === 'look') {
        seen = await observer.look(seen, step, signal);
        step = next(seen, policy);
      }
      return 'reason' in step ? step.reason : step.kind;
    },
  };
}

const DRAINING = { status: { conditions: [{ type: 'DrainInProgress', status: 'True' }] } };
const UNKNOWN = { status: { conditions: [{ type: 'DrainInProgress', status: 'Unknown' }] } };

describe('a pod that has moved, to a node that is drained as well', () => {
  for (const [what, sign, away] of [
    ['condition', DRAINING, UNKNOWN],
    ['cordon', { spec: { unschedulable: true } }, {}],
    ['taint', { spec: { taints: [{ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' }] } }, {}],
  ] as const)
    test(`is not said to have moved while the ${what} is away for a moment: its own drainer may ask`, async () => {
      const { node, clock, answer } = aMovedPod();
      node(sign);
      assert.equal(await answer(), 'MarkedAgain');
      node(away);
      assert.equal(await answer(), 'DrainJustEnded');
      await clock.advance(5 * MINUTE - 1);
      assert.equal(await answer(), 'DrainJustEnded');
      node(sign);
      assert.equal(await answer(), 'MarkedAgain');
      node(away);
      await clock.advance(5 * MINUTE);
      assert.equal(await answer(), 'Rescheduled');
    });

  test('nor where the cache has not heard yet that the node is calm', async () => {
    const { node, answer } = aMovedPod();
    node(DRAINING);
    node(UNKNOWN, true);
    assert.equal(await answer(), 'DrainJustEnded');
  });

  test('one that came after the uncordon has moved at once', async () => {
    const { node, answer } = aMovedPod({ pod: aRawPod(boundFor(5_000)) });
    node({ spec: { unschedulable: true } });
    node({});
    assert.equal(await answer(), 'Rescheduled');
  });

  test('one on a node that nobody has drained has moved at once', async () => {
    const { node, answer } = aMovedPod();
    node({});
    assert.equal(await answer(), 'Rescheduled');
  });

  for (const markWhen of ['always', 'draining'] as const)
    test(`an entry that is pruned soon outlives the wait, with MARK_WHEN=${markWhen}`, async () => {
      const { node, clock, answer, prune } = aMovedPod({ policy: { ...settings, markWhen, retentionMs: 2 * MINUTE } });
      node({ spec: { unschedulable: true } });
      node({});
      const answers: string[] = [];
      // A drainer ends with its first 404.
      while (answers.at(-1) !== 'Rescheduled' && answers.length < 30) {
        await prune();
        answers.push(await answer());
        await clock.advance(20_000);
      }
      assert.deepEqual(answers, ['DrainJustEnded', 'DrainJustEnded', 'Rescheduled']);
    });

  test('nothing is believed of a cache of nodes that has heard nothing for minutes', async () => {
    const { node, answer } = aMovedPod({ nodesAgeMs: 10 * MINUTE });
    node({ spec: { unschedulable: true } });
    node({}, true);
    assert.equal(await answer(), 'Rescheduled');
  });

  test('a watch of nodes that was silent may be late with the uncordon: what came meanwhile has moved', () => {
    const clock = new FakeClock();
    clock.epoch = NOW;
    const isNoted = (boundAgoMs: number, silentMs: number) => {
      const drains = new EndedDrains(clock, () => silentMs);
      drains.note(POD_KEY, aPod({ boundAt: clock.now() - boundAgoMs }));
      return drains.endedForMs(POD_KEY, 'uid-a') !== undefined;
    };
    assert.deepEqual(
      [isNoted(9_999, 0), isNoted(10_000, 90_000), isNoted(109_000, 100_000), isNoted(110_000, 100_000)],
      [false, true, false, true],
    );
    assert.equal(isNoted(10_000, Number.POSITIVE_INFINITY), true);
  });

  test('is seen by the cache that takes over, of whose node the other one has not heard that it is calm', () => {
    const { node, cache } = aMovedPod();
    node(DRAINING);
    const calm = aRawNode({ metadata: { resourceVersion: '900' } });
    const replaced = aRawNode({ metadata: { resourceVersion: '900', uid: 'uid-other' } });
    const drains = aRawNode({ metadata: { resourceVersion: '900' }, ...DRAINING });
    const known = [calm, replaced, drains].map((now) => {
      const next = aCache({ pods: [aRawPod(boundFor(2 * MINUTE))], nodes: [now], settings });
      next.adopt(cache);
      return next.endedDrains.endedForMs(POD_KEY, 'uid-a') !== undefined;
    });
    assert.deepEqual(known, [true, false, false]);
  });

  test('is known by its UID, for as long as it is there, and to the cache that takes over', () => {
    const { node, cache } = aMovedPod();
    node(DRAINING);
    node(UNKNOWN);
    const next = aCache({ pods: [aRawPod()], settings });
    next.adopt(cache);
    for (const { endedDrains } of [cache, next]) assert.equal(endedDrains.endedForMs(POD_KEY, 'uid-b'), undefined);
    assert.notEqual(next.endedDrains.endedForMs(POD_KEY, 'uid-a'), undefined);
    cache.pods.replace([]);
    assert.equal(cache.endedDrains.endedForMs(POD_KEY, 'uid-a'), undefined);
  });
});
