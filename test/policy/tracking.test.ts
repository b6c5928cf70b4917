import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { couchbaseCluster } from '../../src/policy/tracking/couchbasecluster.ts';
import { NO_TRACKING } from '../../src/policy/tracking/index.ts';
import { namespaceTracking } from '../../src/policy/tracking/namespace.ts';
import { aPod } from '../support/builders.ts';

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
    test(when, () => assert.equal(couchbaseCluster.project({ spec }).reusesNames, expected));
  }

  test('is named by the label couchbase_cluster, and says so where that is missing', () => {
    const [resource] = couchbaseCluster.resources;
    assert.deepEqual(couchbaseCluster.locate(aPod()), { kind: 'at', resource, namespace: 'db', name: 'cb' });
    assert.deepEqual(couchbaseCluster.locate(aPod({ labels: { app: 'couchbase' } })), {
      kind: 'missing',
      why: 'the pod has no label couchbase_cluster',
    });
  });
});

test('namespace: the namespace of the pod, always', () => {
  const [resource] = namespaceTracking.resources;
  assert.deepEqual(namespaceTracking.locate(aPod()), { kind: 'at', resource, name: 'db' });
  assert.equal(namespaceTracking.project({}).reusesNames, true);
});

test('off: no pod has a tracker, and nothing is watched', () => {
  assert.deepEqual(NO_TRACKING.locate(aPod()), { kind: 'off' });
  assert.deepEqual(NO_TRACKING.resources, []);
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
    test(what, () => assert.equal(couchbaseCluster.project(object).hindrance, expected));
  }

  function given(...types: string[]) {
    return { status: { conditions: types.map((type) => condition(type)) } };
  }
});
