import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Profile } from '../../src/policy/profiles/profile.ts';
import { namespaceTracking } from '../../src/policy/tracking/namespace.ts';
import { anAdmitter } from '../support/admission.ts';
import { PROFILE, SETTINGS } from '../support/builders.ts';
import { aCache } from '../support/cache.ts';
import { aRawPod, markedBy, RESCHEDULE } from '../support/raw.ts';

const KAFKA: Profile = {
  ...PROFILE,
  name: 'kafka',
  selectors: [[{ op: 'in', key: 'kind', values: ['Kafka'] }]],
  requires: [{ key: 'example.com/moves' }],
  mark: { key: 'example.com/move', value: '{uid}', match: 'present' },
  names: 'reused',
  tracking: namespaceTracking,
};
const settings = { ...SETTINGS, profiles: [PROFILE, KAFKA] };

const kafka = (annotations: Record<string, string> = {}) =>
  aRawPod({ metadata: { name: 'k-0', uid: 'uid-k', labels: { kind: 'Kafka', other: 'x' }, annotations } });

describe('a cache for two profiles', () => {
  const cache = aCache({ settings });

  test('keeps the labels and annotations that tell the profile, and no others', () => {
    const pod = cache.project.pod(kafka({ 'example.com/moves': 'yes', other: 'x' }));
    assert.deepEqual([pod.labels, pod.annotations], [{ kind: 'Kafka' }, { 'example.com/moves': 'yes' }]);
    assert.deepEqual(cache.project.podMetadata(kafka({ 'example.com/moves': 'yes' })).annotations, pod.annotations);
  });

  test('looks for the mark of its own profile', () => {
    const carried = { 'example.com/moves': '' };
    assert.equal(cache.project.pod(kafka({ ...carried, [RESCHEDULE]: 'true' })).mark, undefined);
    assert.equal(
      cache.project.pod(kafka({ ...carried, 'example.com/move': 'what somebody wrote' })).mark?.matches,
      true,
    );
    const couchbase = aRawPod({ metadata: { annotations: { 'example.com/move': 'x', [RESCHEDULE]: 'false' } } });
    assert.equal(cache.project.pod(couchbase).mark?.matches, false);
  });

  test('watches the trackers of both, and pods by both selectors', () => {
    assert.deepEqual(
      cache.freshness().map(({ kind }) => kind),
      ['pods', 'nodes', 'couchbaseclusters', 'namespaces'],
    );
  });
});

describe('a pod that loses the annotation which its profile requires', () => {
  const carried = { 'example.com/moves': 'yes', 'example.com/move': 'uid-k' };
  const aMarkedPod = (annotations: Record<string, string>, resourceVersion: string) => {
    const { metadata, ...pod } = kafka(annotations) as { metadata: object };
    return { ...pod, metadata: { ...metadata, resourceVersion } };
  };

  test('is remembered as one that left, like one that loses its label', () => {
    const cache = aCache({ settings, pods: [aMarkedPod(carried, '1')] });
    cache.pods.put(cache.project.pod(aMarkedPod({ 'example.com/move': 'uid-k' }, '2')));
    assert.equal(cache.earlierInstances.get('db/k-0')?.uid, 'uid-k');
    cache.pods.remove(cache.project.pod(aMarkedPod({ 'example.com/move': 'uid-k' }, '3')));
    assert.equal(cache.earlierInstances.get('db/k-0')?.uid, 'uid-k');
  });

  test('and never had it is not remembered', () => {
    const cache = aCache({ settings, pods: [aMarkedPod({ 'example.com/move': 'uid-k' }, '1')] });
    cache.pods.remove(cache.project.pod(aMarkedPod({ 'example.com/move': 'uid-k' }, '2')));
    assert.equal(cache.earlierInstances.get('db/k-0'), undefined);
  });
});

describe('an eviction where there are two profiles', () => {
  const KAFKA_PATH = '/api/v1/namespaces/db/pods/k-0';
  const anEviction = async (annotations: Record<string, string>) => {
    const pod = kafka(annotations);
    const trackers = [{ metadata: { name: 'db', uid: 'uid-db', resourceVersion: '9' } }];
    const world = anAdmitter({ settings, pods: [pod] });
    world.api.put(KAFKA_PATH, pod);
    world.api.put('/api/v1/namespaces/db', trackers[0] ?? {});
    const { reason } = await world.admit({ name: 'k-0' });
    return { reason, api: world.api };
  };

  test('of a pod that does not carry what its profile requires is let through', async () => {
    const { reason, api } = await anEviction({});
    assert.equal(reason, 'NotSelected');
    assert.deepEqual(
      api.calls.filter((call) => call.startsWith('PATCH')),
      [],
    );
  });

  test('writes the entry and the mark of its own profile', async () => {
    const { reason, api } = await anEviction({ 'example.com/moves': 'yes' });
    assert.equal(reason, 'Marked');
    assert.equal(api.annotations(KAFKA_PATH)['example.com/move'], 'uid-k');
    assert.deepEqual(Object.keys(api.annotations('/api/v1/namespaces/db')), ['reschedule.hook/db.k-0']);
  });

  test('never overwrites a mark of any value', async () => {
    const { reason, api } = await anEviction({ 'example.com/moves': 'yes', 'example.com/move': 'of somebody' });
    assert.equal(reason, 'Waiting');
    assert.deepEqual(
      api.calls.filter((call) => call.startsWith('PATCH')),
      [],
    );
  });
});

describe('a marked pod that loses the label which the value of its mark is made of', () => {
  const mark = { key: 'example.com/move', value: '{label:kind} {ordinal}', match: 'exact' } as const;
  const cache = aCache({ settings: { ...SETTINGS, profiles: [{ ...KAFKA, requires: [], mark }] } });
  const aPod = (value: string, manager: string, labels: Record<string, string> = {}) =>
    cache.project.pod(
      aRawPod({
        metadata: {
          name: 'k-0',
          labels,
          annotations: { [mark.key]: value },
          managedFields: markedBy(manager, '2026-01-01T00:00:00Z', mark.key),
        },
      }),
    );

  test('is still marked, if the hook made the mark: its entry must stay', () => {
    assert.equal(aPod('Kafka 0', 'reschedule-hook').mark?.matches, true);
    assert.equal(aPod('Kafka 0', 'kubectl').mark?.matches, false);
  });

  test('one that has it is marked by that value only', () => {
    assert.equal(aPod('Kafka 0', 'kubectl', { kind: 'Kafka' }).mark?.matches, true);
    assert.equal(aPod('Other 0', 'reschedule-hook', { kind: 'Kafka' }).mark?.matches, false);
  });
});
