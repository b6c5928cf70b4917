import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PodIndex } from '../../src/cache/pod-index.ts';
import { aPod, PROFILE, SETTINGS, without } from '../support/builders.ts';
import { aCache } from '../support/cache.ts';

test('PodIndex knows the pods on each node, and how many are marked, after each change', () => {
  const { pods, podIndex } = aCache();
  const on = (node: string) => [...podIndex.on(node)];
  const marked = () => podIndex.marked.get('couchbase') ?? 0;
  pods.put(without(aPod({ name: 'a' }), 'node'));
  assert.deepEqual([on('node-1'), marked()], [[], 0]);
  pods.put(aPod({ name: 'a', resourceVersion: '101' }));
  pods.put(aPod({ name: 'b', mark: { matches: true } }));
  pods.put(aPod({ name: 'c', mark: { matches: false } }));
  assert.deepEqual([on('node-1'), marked()], [['db/a', 'db/b', 'db/c'], 1]);
  pods.put(aPod({ name: 'a', uid: 'uid-b', node: 'node-2', resourceVersion: '102', mark: { matches: true } }));
  assert.deepEqual([on('node-1'), on('node-2'), marked()], [['db/b', 'db/c'], ['db/a'], 2]);
  pods.replace([]);
  assert.deepEqual([on('node-1'), on('node-2'), marked()], [[], [], 0]);
});

test('PodIndex counts marked pods by profile, also if the labels of one change', () => {
  const other = { ...PROFILE, name: 'other', selectors: [[{ op: 'exists', key: 'tier' }]] } as const;
  const { pods, podIndex } = aCache({ settings: { ...SETTINGS, profiles: [PROFILE, other] } });
  const put = (name: string, version: number, labels: Record<string, string>, matches = true) =>
    pods.put(aPod({ name, resourceVersion: `${version}`, labels, mark: { matches } }));
  const counted = () => Object.fromEntries(podIndex.marked);
  put('a', 1, { app: 'couchbase' });
  put('b', 1, { tier: 'data' });
  put('c', 1, { app: 'couchbase' }, false);
  assert.deepEqual(counted(), { couchbase: 1, other: 1 });
  put('a', 2, { tier: 'data' });
  assert.deepEqual(counted(), { other: 2 });
  put('c', 2, { app: 'couchbase' });
  put('b', 2, { tier: 'data' }, false);
  assert.deepEqual(counted(), { couchbase: 1, other: 1 });
  pods.replace([]);
  assert.deepEqual(counted(), {});
});

test('PodIndex counts the pods that should not be selected, after each change', () => {
  const profiles = [PROFILE, { ...PROFILE, name: 'other', selectors: [[{ op: 'exists', key: 'tier' }]] } as const];
  const { pods, podIndex } = aCache({ settings: { ...SETTINGS, profiles } });
  const counted = () => Object.fromEntries([...podIndex.misselected].filter(([, count]) => count > 0));
  const put = (name: string, version: number, labels: Record<string, string>) =>
    pods.put(aPod({ name, resourceVersion: `${version}`, labels: { app: 'couchbase', ...labels } }));
  put('a', 1, {});
  assert.deepEqual(counted(), {});
  put('a', 2, { 'kubevirt.io': 'virt-launcher' });
  put('b', 1, { 'kubevirt.io': 'virt-launcher', tier: 'data' });
  assert.deepEqual(counted(), { KubeVirt: 2, SeveralProfiles: 1 });
  put('a', 3, { 'kubevirt.io': 'virt-handler' });
  put('b', 2, { tier: 'data' });
  assert.deepEqual(counted(), { SeveralProfiles: 1 });
  pods.put(
    aPod({
      name: 'c',
      labels: { tier: 'x', app: 'couchbase' },
      owner: { apiVersion: 'batch/v1', kind: 'Job', name: 'j' },
    }),
  );
  assert.deepEqual(counted(), { SeveralProfiles: 1 });
  pods.replace([]);
  assert.deepEqual(counted(), {});
});

test('PodIndex says the first pod of each kind once, however often such pods come and go', () => {
  const told: string[] = [];
  const index = new PodIndex({
    profileOf: () => 'couchbase',
    misselectionsOf: () => ['KubeVirt'],
    onMisselected: (why, { name }) => told.push(`${why} ${name}`),
  });
  for (const name of ['a', 'b', 'c']) {
    index.observe({ kind: 'added', key: `db/${name}`, now: aPod({ name }) });
    index.observe({ kind: 'removed', key: `db/${name}`, before: aPod({ name }) });
  }
  assert.deepEqual(told, ['KubeVirt a']);
});
