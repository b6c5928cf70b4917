import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterState } from '../../bench/support/cluster-state.ts';
import { unprotectedName } from '../../bench/support/objects.ts';
import { projectPod } from '../../src/cache/projections.ts';
import { decodeEntry, entryPod } from '../../src/policy/entry.ts';
import { couchbaseCluster } from '../../src/policy/tracking/couchbasecluster.ts';
import { PROFILE } from '../support/builders.ts';

const SIZE = { pods: 1000, nodes: 50, clusters: 500, entries: 10, onCordonedNode: true };
const FIELDS = {
  profiles: [PROFILE],
  labelKeys: ['app', 'couchbase_cluster'],
  annotationKeys: [],
};
const parse = (json: string) => JSON.parse(json) as Record<string, unknown>;

test('a pod of the stand-in has the size and the fields of a real one', () => {
  const json = new ClusterState(SIZE).json('pods', 7);
  assert.ok(json.length > 4_000 && json.length < 6_000, `${json.length} bytes`);
  const pod = projectPod(parse(json), FIELDS);
  assert.equal(pod.name, 'cb-0007');
  assert.equal(pod.owner?.kind, 'CouchbaseCluster');
  assert.equal(pod.labels.couchbase_cluster, 'cluster-3');
});

test('one pod is found by its name, whole or as metadata alone, and unprotected ones beside those of the lists', () => {
  const state = new ClusterState(SIZE);
  assert.equal(state.pod('team-1', 'cb-0003'), state.json('pods', 203));
  const { kind, metadata, ...others } = parse(state.podMetadata('team-1', 'cb-0003') ?? '');
  assert.deepEqual([kind, others], ['PartialObjectMetadata', { apiVersion: 'meta.k8s.io/v1' }]);
  assert.deepEqual(metadata, parse(state.json('pods', 203)).metadata);
  const web = projectPod(parse(state.pod('team-0', unprotectedName(7)) ?? ''), FIELDS);
  assert.deepEqual([web.name, web.namespace, web.labels.app], ['web-7', 'team-0', 'web']);
  for (const [namespace, name] of [
    ['team-5', 'cb-0000'],
    ['team-1', 'web-7'],
    ['db', 'cb-0003'],
  ] as const) {
    assert.equal(state.pod(namespace, name), undefined, `${namespace}/${name}`);
  }
});

test('a change shows in the pod and raises its version', () => {
  const state = new ClusterState(SIZE);
  const before = state.podVersion(7);
  const after = Number(projectPod(parse(state.touchPod(7)), FIELDS).resourceVersion);
  assert.equal(state.podVersion(7), after);
  assert.ok(after > before);
});

test('an entry can be removed once, and only with the value that it has', () => {
  const state = new ClusterState(SIZE);
  const tracker = couchbaseCluster.project(parse(state.json('couchbaseclusters', 3)));
  const [[key, value] = ['', '']] = Object.entries(tracker.entries);
  assert.equal(Object.keys(tracker.entries).length, 2);
  assert.deepEqual(entryPod(key, value), { namespace: 'team-0', name: 'cb-0006' });
  assert.notEqual(decodeEntry(value).uid, undefined);
  const remove = (wanted: string) => state.removeEntry('team-0', 'cluster-3', key, wanted);
  assert.equal(remove('another'), undefined);
  assert.ok(remove(value));
  assert.equal(remove(value), undefined);
});
