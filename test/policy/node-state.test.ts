import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drainBeganAt, drainCause, drainingSince, isDraining, questionOfReturn } from '../../src/policy/node-state.ts';
import { aNode } from '../support/builders.ts';

describe('isDraining', () => {
  const taints = ['ToBeDeletedByClusterAutoscaler', 'aws-node-termination-handler/'];
  const cases: readonly (readonly [string, Parameters<typeof isDraining>[0], boolean])[] = [
    ['a plain node', aNode(), false],
    ['cordoned', aNode({ unschedulable: true }), true],
    ['being deleted', aNode({ deleting: true }), true],
    ['gone', 'gone', true],
    ['a listed taint', aNode({ taints: ['other', 'ToBeDeletedByClusterAutoscaler'] }), true],
    ['a taint under a listed prefix', aNode({ taints: ['aws-node-termination-handler/spot-itn'] }), true],
    ['a taint that only starts like a listed one', aNode({ taints: ['ToBeDeletedByClusterAutoscaler2'] }), false],
    ['a condition of a drain', aNode({ drainConditions: { DrainInProgress: null } }), true],
    ['another taint', aNode({ taints: ['node.kubernetes.io/not-ready'] }), false],
  ];
  for (const [when, node, expected] of cases) {
    test(when, () => assert.equal(isDraining(node, taints), expected));
  }

  const kinds: readonly (readonly [listed: string, taint: string, expected: boolean])[] = [
    ['a.b/c', 'a.b/c:NoSchedule', true],
    ['a.b/c', 'a.b/c=1:NoExecute', true],
    ['a.b/c', 'a.b/cd:NoExecute', false],
    ['a.b/', 'a.b/c=1:NoExecute', true],
    ['a:NoExecute', 'a:NoExecute', true],
    ['a:NoExecute', 'a=1:NoExecute', true],
    ['a:NoExecute', 'a:NoSchedule', false],
    ['a:NoExecute', 'ab:NoExecute', false],
    ['a:NoSchedule', 'a:PreferNoSchedule', false],
    ['a=1:NoExecute', 'a=1:NoExecute', true],
    ['a=1:NoExecute', 'a=1:NoSchedule', false],
    ['a=1:NoExecute', 'a=12:NoExecute', false],
    ['a=1:NoExecute', 'a:NoExecute', false],
    ['a=:NoExecute', 'a:NoExecute', true],
    ['a=:NoExecute', 'a=1:NoExecute', false],
  ];
  for (const [listed, taint, expected] of kinds) {
    test(`${listed} ${expected ? 'means' : 'does not mean'} ${taint}`, () => {
      assert.equal(isDraining(aNode({ taints: [taint] }), [listed]), expected);
    });
  }

  test('the cause is the key of the taint', () => {
    assert.equal(drainCause(aNode({ taints: ['a.b/c=1:NoExecute'] }), ['a.b/c:NoExecute']), 'a.b/c');
  });

  test('or the type of the condition, if nothing else says it', () => {
    const drainConditions = { DrainInProgress: 1_000 };
    assert.equal(drainCause(aNode({ drainConditions }), taints), 'DrainInProgress');
    const tainted = aNode({ drainConditions, taints: ['ToBeDeletedByClusterAutoscaler:NoSchedule'] });
    assert.equal(drainCause(tainted, taints), 'ToBeDeletedByClusterAutoscaler');
    assert.equal(drainCause(aNode({ drainConditions, unschedulable: true }), taints), 'cordoned');
  });
});

describe('drainingSince', () => {
  const taints = ['gpu=a:NoSchedule', 'gpu:NoExecute', 'node.kubernetes.io/unschedulable:NoSchedule'];
  const taintedAt = { 'gpu=a:NoSchedule': 1_000, 'gpu:NoExecute': 3_000, [taints[2] as string]: 2_000 };

  test('two taints of one key have a time each, and only the listed one counts', () => {
    const node = aNode({ taints, taintedAt });
    assert.equal(drainingSince(node, ['gpu:NoExecute']), 3_000);
    assert.equal(drainingSince(node, ['gpu=a:NoSchedule']), 1_000);
    assert.equal(drainingSince(node, ['gpu']), 1_000);
    assert.equal(drainingSince(node, ['other']), undefined);
  });

  test('a condition has the time of its last transition, which counts where no taint has one', () => {
    assert.equal(drainingSince(aNode({ drainConditions: { DrainInProgress: 4_000 } }), []), 4_000);
    assert.equal(drainingSince(aNode({ drainConditions: { DrainInProgress: null } }), []), undefined);
    const both = aNode({ taints, taintedAt, drainConditions: { DrainInProgress: 4_000, 'a.b/Leaving': 500 } });
    assert.equal(drainingSince(both, ['gpu:NoExecute']), 3_000);
    assert.equal(drainBeganAt(aNode({ drainConditions: { DrainInProgress: 4_000 } }), []), undefined);
  });

  test('a cordon has the time of its own taint, listed or not, and counts before signs that stay', () => {
    assert.equal(drainingSince(aNode({ unschedulable: true, taints, taintedAt }), ['gpu:NoExecute']), 2_000);
    assert.equal(drainingSince(aNode({ unschedulable: true, taints, taintedAt }), ['gpu']), 2_000);
    const fresh = aNode({ unschedulable: true, taints: taints.slice(0, 2), taintedAt: { 'gpu=a:NoSchedule': 1_000 } });
    assert.equal(drainBeganAt(fresh, ['gpu']), undefined);
  });
});

test('why a pod may come back is asked of the sign that the node has', () => {
  const taints = ['karpenter.sh/disrupted:NoSchedule'];
  const drainConditions = { DrainInProgress: 4_000 };
  const asked = (node: Parameters<typeof aNode>[0]) => questionOfReturn(aNode(node), ['karpenter.sh/disrupted']);
  assert.equal(asked({ unschedulable: true, taints, drainConditions }), 'does it tolerate the cordon?');
  assert.equal(asked({ taints, drainConditions }), 'does it tolerate the taint karpenter.sh/disrupted?');
  assert.match(asked({ drainConditions }), /^the condition DrainInProgress keeps no pod away/);
});
