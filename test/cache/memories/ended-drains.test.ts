import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Observer } from '../../../src/cache/observer.ts';
import { createReads } from '../../../src/kube/reads.ts';
import { next } from '../../../src/policy/next.ts';
import { FakeApi } from '../../support/api.ts';
import { aRequest, MINUTE, NOW, SETTINGS } from '../../support/builders.ts';
import { aCache, ENTRY_KEY, NODE_PATH, POD_KEY, POD_PATH } from '../../support/cache.ts';
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
function aMovedPod(pod = aRawPod(boundFor(2 * MINUTE))) {
  const [api, clock] = [new FakeApi(), new FakeClock()];
  clock.epoch = NOW;
  const cache = aCache({
    pods: [pod],
    nodes: [],
    trackers: [aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: entry } } })],
    settings,
    now: clock.now,
    monotonicNow: clock.monotonicNow,
  });
  const observer = new Observer({ cache, reads: createReads(api), settings, clock });
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
    async answer(): Promise<string> {
      let seen = observer.begin(aRequest());
      let step = next(seen, settings);
      while (step.kind === 'look') {
        seen = await observer.look(seen, step, signal);
        step = next(seen, settings);
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
    const { node, answer } = aMovedPod(aRawPod(boundFor(5_000)));
    node({ spec: { unschedulable: true } });
    node({});
    assert.equal(await answer(), 'Rescheduled');
  });

  test('one on a node that nobody has drained has moved at once', async () => {
    const { node, answer } = aMovedPod();
    node({});
    assert.equal(await answer(), 'Rescheduled');
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
