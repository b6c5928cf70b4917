import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aPod, without } from '../support/builders.ts';
import { aCache } from '../support/cache.ts';

test('PodIndex knows the pods on each node, and how many are marked, after each change', () => {
  const { pods, podIndex } = aCache();
  const on = (node: string) => [...podIndex.on(node)];
  pods.put(without(aPod({ name: 'a' }), 'node'));
  assert.deepEqual([on('node-1'), podIndex.marked], [[], 0]);
  pods.put(aPod({ name: 'a', resourceVersion: '101' }));
  pods.put(aPod({ name: 'b', mark: { matches: true } }));
  pods.put(aPod({ name: 'c', mark: { matches: false } }));
  assert.deepEqual([on('node-1'), podIndex.marked], [['db/a', 'db/b', 'db/c'], 1]);
  pods.put(aPod({ name: 'a', uid: 'uid-b', node: 'node-2', resourceVersion: '102', mark: { matches: true } }));
  assert.deepEqual([on('node-1'), on('node-2'), podIndex.marked], [['db/b', 'db/c'], ['db/a'], 2]);
  pods.replace([]);
  assert.deepEqual([on('node-1'), on('node-2'), podIndex.marked], [[], [], 0]);
});
