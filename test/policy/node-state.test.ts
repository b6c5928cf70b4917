import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDraining } from '../../src/policy/node-state.ts';
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
    ['another taint', aNode({ taints: ['node.kubernetes.io/not-ready'] }), false],
  ];
  for (const [when, node, expected] of cases) {
    test(when, () => assert.equal(isDraining(node, taints), expected));
  }
});
