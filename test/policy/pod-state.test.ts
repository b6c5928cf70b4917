import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatAge, parseDuration } from '../../src/policy/duration.ts';
import { isDraining, isProtected } from '../../src/policy/pod-state.ts';
import { couchbaseCluster } from '../../src/policy/trackers/couchbasecluster.ts';
import { namespaceTracker } from '../../src/policy/trackers/namespace.ts';
import { aNode, aPod, SETTINGS } from '../support/builders.ts';

describe('isDraining', () => {
  const taints = ['ToBeDeletedByClusterAutoscaler', 'aws-node-termination-handler/'];
  const cases: readonly (readonly [string, Parameters<typeof isDraining>[0], boolean])[] = [
    ['a plain node', aNode(), false],
    ['cordoned', aNode({ unschedulable: true }), true],
    ['being deleted', aNode({ deleting: true }), true],
    ['gone', undefined, true],
    ['a listed taint', aNode({ taints: ['other', 'ToBeDeletedByClusterAutoscaler'] }), true],
    ['a taint under a listed prefix', aNode({ taints: ['aws-node-termination-handler/spot-itn'] }), true],
    ['a taint that only starts like a listed one', aNode({ taints: ['ToBeDeletedByClusterAutoscaler2'] }), false],
    ['another taint', aNode({ taints: ['node.kubernetes.io/not-ready'] }), false],
  ];
  for (const [when, node, expected] of cases) {
    test(when, () => assert.equal(isDraining(node, taints), expected));
  }
});

describe('isProtected', () => {
  test('a member', () => assert.equal(isProtected(aPod(), SETTINGS), true));
  test('a backup Job with the same labels', () =>
    assert.equal(isProtected(aPod({ owner: { apiVersion: 'batch/v1', kind: 'Job', name: 'b' } }), SETTINGS), false));
});

describe('couchbasecluster: which upgrade process reuses names', () => {
  const cases: readonly (readonly [string, unknown, boolean])[] = [
    ['nothing said (SwapRebalance)', {}, false],
    ['no spec', undefined, false],
    ['the old field, in place', { upgradeProcess: 'InPlaceUpgrade' }, true],
    ['the old field, older name', { upgradeProcess: 'DeltaRecovery' }, true],
    ['the old field, swap', { upgradeProcess: 'SwapRebalance' }, false],
    ['the new field', { upgrade: { upgradeProcess: 'InPlaceUpgrade' } }, true],
    ['the new field wins', { upgrade: { upgradeProcess: 'SwapRebalance' }, upgradeProcess: 'InPlaceUpgrade' }, false],
    ['spec.upgrade without the field hides the old one', { upgrade: {}, upgradeProcess: 'InPlaceUpgrade' }, false],
    ['spec.upgrade: null is as if absent', { upgrade: null, upgradeProcess: 'InPlaceUpgrade' }, true],
    ['nonsense', { upgradeProcess: 7 }, false],
  ];
  for (const [when, spec, expected] of cases) {
    test(when, () => assert.equal(couchbaseCluster.reusesNames({ spec }), expected));
  }

  test('is named by the label couchbase_cluster, and says so where that is missing', () => {
    assert.deepEqual(couchbaseCluster.nameFor(aPod()), { name: 'cb' });
    assert.deepEqual(couchbaseCluster.nameFor(aPod({ labels: { app: 'couchbase' } })), {
      missing: 'the pod has no label couchbase_cluster',
    });
  });
});

test('namespace: the namespace of the pod, always', () => {
  assert.deepEqual(namespaceTracker.nameFor(aPod()), { name: 'db' });
  assert.equal(namespaceTracker.reusesNames({}), true);
});

describe('durations', () => {
  for (const [text, ms] of [
    ['0s', 0],
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
  ] as const) {
    test(`${text} is ${ms} ms`, () => assert.equal(parseDuration(text), ms));
  }
  for (const text of ['', '15', 'm', '1.5h', '-1s', '1d', ' 1s', '1s ', '9'.repeat(30).concat('h')]) {
    test(`${JSON.stringify(text)} is refused`, () => assert.throws(() => parseDuration(text), /duration/));
  }
  for (const [ms, text] of [
    [-5, '0s'],
    [999, '0s'],
    [200_000, '3m20s'],
    [900_000, '15m'],
    [7_500_000, '2h5m'],
    [3_603_000, '1h'],
    [273_600_000, '3d4h'],
  ] as const) {
    test(`${ms} ms is written ${text}`, () => assert.equal(formatAge(ms), text));
  }
});

describe('what a CouchbaseCluster tells of why a pod has to wait', () => {
  const condition = (type: string, status = 'True') => ({ type, status });
  const cases: [string, object, string | undefined][] = [
    ['nothing', {}, undefined],
    ['no conditions', { status: { conditions: null } }, undefined],
    ['paused in its spec', { spec: { paused: true } }, 'Paused'],
    ['paused in its status', { status: { controlPaused: true } }, 'Paused'],
    [
      'manual intervention before rebalancing',
      given('Rebalancing', 'ManualInterventionRequired'),
      'ManualInterventionRequired',
    ],
    ['hibernating', given('Hibernating'), 'Hibernating'],
    ['upgrading', given('Available', 'Upgrading'), 'Upgrading'],
    ['waiting between upgrades', given('WaitingBetweenUpgrades'), 'WaitingBetweenUpgrades'],
    ['rebalancing', given('Rebalancing'), 'Rebalancing'],
    ['not balanced', { status: { conditions: [condition('Balanced', 'False')] } }, 'Unbalanced'],
    [
      'all well',
      { spec: { paused: false }, status: { conditions: [condition('Balanced'), condition('Upgrading', 'False')] } },
      undefined,
    ],
    ['conditions that are none', { status: { conditions: ['Rebalancing', null] } }, undefined],
  ];
  for (const [what, object, expected] of cases) {
    test(what, () => assert.equal(couchbaseCluster.hindrance(object), expected));
  }

  function given(...types: string[]) {
    return { status: { conditions: types.map((type) => condition(type)) } };
  }
});
