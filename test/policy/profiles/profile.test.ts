import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isProtected, namesComeBack, profileOf, trackingOfPod } from '../../../src/policy/profiles/profile.ts';
import { NO_TRACKING } from '../../../src/policy/tracking/index.ts';
import { namespaceTracking } from '../../../src/policy/tracking/namespace.ts';
import { aPod, PROFILE, SETTINGS } from '../../support/builders.ts';

const KAFKA = {
  ...PROFILE,
  name: 'kafka',
  selectors: [[{ op: 'in', key: 'kind', values: ['Kafka'] }], [{ op: 'in', key: 'kind', values: ['Connect'] }]],
  requires: [{ key: 'example.com/moves' }, { key: 'example.com/mode', value: 'roll' }],
  tracking: namespaceTracking,
} as const;
const BOTH = { ...SETTINGS, profiles: [PROFILE, KAFKA] };
const annotations = { 'example.com/moves': '', 'example.com/mode': 'roll' };

describe('isProtected', () => {
  test('a member', () => assert.equal(isProtected(aPod(), SETTINGS), true));
  test('a backup Job with the same labels', () =>
    assert.equal(isProtected(aPod({ owner: { apiVersion: 'batch/v1', kind: 'Job', name: 'b' } }), SETTINGS), false));
});

describe('the profile of a pod', () => {
  test('is the first that selects it', () => {
    const both = { app: 'couchbase', kind: 'Kafka' };
    assert.equal(profileOf({ labels: both, annotations }, BOTH), PROFILE);
    assert.equal(profileOf({ labels: both, annotations }, { profiles: [KAFKA, PROFILE] }), KAFKA);
  });

  test('any of its selectors will do', () => {
    for (const kind of ['Kafka', 'Connect']) assert.equal(profileOf({ labels: { kind }, annotations }, BOTH), KAFKA);
    assert.equal(profileOf({ labels: { kind: 'Bridge' }, annotations }, BOTH), undefined);
  });

  test('a pod that does not carry what is required is of none', () => {
    const labels = { kind: 'Kafka' };
    for (const lacking of [{}, { 'example.com/moves': '' }, { ...annotations, 'example.com/mode': 'other' }])
      assert.equal(profileOf({ labels, annotations: lacking }, BOTH), undefined);
    assert.equal(profileOf({ labels }, BOTH), undefined);
  });

  test('says where its entries are', () => {
    assert.equal(trackingOfPod(aPod({ labels: { kind: 'Kafka' }, annotations }), BOTH), namespaceTracking);
    assert.equal(trackingOfPod(aPod({ labels: {} }), BOTH), NO_TRACKING);
  });
});

test('whether a name may come back: the tracker knows it, or the profile', () => {
  const names = (...all: readonly (typeof PROFILE)['names'][]) =>
    all.map((one) => [true, false].map((reusesNames) => namesComeBack({ names: one }, { reusesNames })));
  assert.deepEqual(names('byTracker', 'reused', 'either', 'new'), [
    [true, false],
    [true, true],
    [true, true],
    [false, false],
  ]);
});
