import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLUSTER_PODS, FLEET_MODELS, fleetOf, STEPS } from '../../bench/support/fleet.ts';
import { answerTimes } from '../../bench/support/hook-metrics.ts';
import type { UpgradeResult } from '../../bench/support/results.ts';
import { upgradeRows } from '../../bench/support/upgrade-rows.ts';
import { BUILT_IN } from '../../src/config/profiles/built-in.ts';

const SIZE = { nodes: 5_000, pods: 100_000, atOnce: 50 };

describe('the fleet of an upgrade', () => {
  const fleet = fleetOf(SIZE);
  const onStep = (step: number) => (node: number) => Math.floor(node / SIZE.atOnce) === step;

  test('has as many pods as it is to have, on all nodes, of eight profiles that are built in', () => {
    const nodes = fleet.flatMap((cluster) => cluster.nodes);
    assert.equal(nodes.length, SIZE.pods);
    assert.equal(new Set(nodes).size, SIZE.nodes);
    assert.ok(fleet.every((cluster) => cluster.nodes.length === CLUSTER_PODS));
    assert.equal(new Set(fleet.map(({ model }) => model)).size, 8);
    const names = BUILT_IN.map(({ name }) => name);
    for (const { profile } of FLEET_MODELS) assert.ok(names.includes(profile), profile);
  });

  test('both steps have the same pods of each cluster, and no two of one are on one node of a step', () => {
    for (const { nodes } of fleet) {
      const steps = Array.from({ length: STEPS }, (_, step) => nodes.filter(onStep(step)));
      assert.equal(steps[0]?.length, steps[1]?.length);
      for (const some of steps) assert.equal(new Set(some).size, some.length);
    }
  });

  for (const size of [SIZE, { nodes: 500, pods: 10_000, atOnce: 10 }]) {
    test(`a step of ${size.atOnce} nodes has pods of each profile, and long chains of more than one`, () => {
      const onFirst = fleetOf(size).map(({ model, nodes }) => ({
        model,
        chain: nodes.filter((node) => node < size.atOnce).length,
      }));
      const moved = onFirst.filter(({ chain }) => chain > 0);
      assert.equal(new Set(moved.map(({ model }) => model)).size, FLEET_MODELS.length);
      assert.ok(new Set(moved.filter(({ chain }) => chain === 3).map(({ model }) => model)).size > 1);
    });
  }

  test('each node of a step has twenty pods, most of them the only ones of their clusters there', () => {
    const first = fleet.map(({ nodes }) => nodes.filter(onStep(0))).filter(({ length }) => length > 0);
    const perNode = Map.groupBy(first.flat(), (node) => node);
    assert.equal(perNode.size, SIZE.atOnce);
    for (const [node, pods] of perNode) assert.equal(pods.length, 20, `node ${node}`);
    const chains = Map.groupBy(first, ({ length }) => length);
    assert.deepEqual([...chains.keys()].sort(), [1, 2, 3]);
    assert.ok((chains.get(1)?.length ?? 0) > first.length / 2);
  });
});

describe('the times of answers', () => {
  const buckets = (counts: readonly number[]) =>
    ['0.001', '0.01', '0.1', '+Inf']
      .map((le, i) => `reschedule_hook_decision_duration_seconds_bucket{le="${le}",kind="deny"} ${counts[i]}`)
      .join('\n');

  test('are added up over the replicas, and the 99th percentile lies between two buckets', () => {
    const { answers, p99Ms } = answerTimes([buckets([0, 90, 100, 100]), buckets([0, 90, 100, 100])]);
    assert.equal(answers, 200);
    assert.ok(Math.abs(p99Ms - 91) < 0.01, `${p99Ms}`);
  });

  test('are unknown above the last bucket, and without an answer', () => {
    assert.equal(answerTimes([buckets([0, 0, 0, 50])]).p99Ms, Number.POSITIVE_INFINITY);
    assert.equal(answerTimes([]).answers, 0);
  });

  test('may be those of one kind', () => {
    const text = `${buckets([0, 10, 10, 10])}\n${buckets([4, 4, 4, 4]).replaceAll('deny', 'mark')}`;
    assert.equal(answerTimes([text]).answers, 14);
    assert.equal(answerTimes([text], 'mark').answers, 4);
    assert.ok(answerTimes([text], 'mark').p99Ms <= 1);
  });
});

describe('the rows of an upgrade', () => {
  const replica = { rssMb: 250, peakMb: 300, blockMs: 40 };
  const result: UpgradeResult = {
    ...SIZE,
    moved: 1_000,
    needed: { ms: 200_000, apiCpu: 0.1, failedCalls: 0 },
    took: { ms: 206_000, apiCpu: 0.2, failedCalls: 0 },
    endedMs: 208_000,
    begunAgain: 0,
    synced: [replica, replica],
    replicas: [replica, { ...replica, peakMb: 320 }],
    callsPerPod: 7.5,
    allCallsPerPod: 12,
    answers: { answers: 30_000, p99Ms: 20 },
    marks: { answers: 1_000, p99Ms: 1_200 },
    markMs: 400,
  };
  const targets = (over: Partial<UpgradeResult> = {}) =>
    upgradeRows({ ...result, ...over }).map(({ shown, target }) => [shown, target?.met]);

  test('times are shares of what operators need, and of the time limit', () => {
    assert.deepEqual(targets(), [
      ['4.0%, 3.0% until all were moved', true],
      ['7.50, 12', true],
      ['12%', true],
      ['0.2%, 4.0%', undefined],
      ['250 MB, 320 MB at its peak', true],
      ['40 ms, 40 ms during the first lists', undefined],
      ['0', true],
      ['20% of a core, 10% without drains', undefined],
    ]);
  });

  test('a target is missed', () => {
    assert.deepEqual(targets({ endedMs: 210_000 })[0], ['5.0%, 3.0% until all were moved', false]);
    assert.deepEqual(targets({ callsPerPod: 9 })[1], ['9, 12', false]);
    assert.deepEqual(targets({ begunAgain: 1, needed: { ...result.needed, failedCalls: 2 } })[6], ['3', false]);
    const slow = { answers: 1_000, p99Ms: Number.POSITIVE_INFINITY };
    assert.deepEqual(targets({ marks: slow })[2]?.[1], false);
  });
});
