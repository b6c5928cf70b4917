import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drainerOf } from '../../../rehearsal/drainers/drain-node.ts';
import { CLUSTER_API } from '../../../rehearsal/drainers/models/cluster-api.ts';
import { FakeNode } from './fake-node.ts';

const setUp = () => {
  const node = new FakeNode();
  return { node, drainer: drainerOf(CLUSTER_API, node.client, node.clock) };
};

test('cordons, evicts by name one after the other, and looks again after 20 s until none is left', async () => {
  const { node, drainer } = setUp();
  node.add('a');
  node.add('b');
  node.answerMs = 1_000;
  node.evicted = (pod) => node.terminate(pod);
  node.answer = (pod) => (pod === 'a' ? 201 : 429);
  const drain = await node.drain(drainer);
  await node.time.advance(2_000);
  assert.equal(node.spec.unschedulable, true);
  assert.deepEqual(
    node.asked.map(({ atMs, pod }) => [atMs, pod]),
    [
      [0, 'a'],
      [1_000, 'b'],
    ],
  );
  const metadata = { name: 'a', namespace: 'db' };
  assert.deepEqual(node.asked[0]?.body, { apiVersion: 'policy/v1', kind: 'Eviction', metadata });
  // One that is going is waited for, and not evicted again.
  await node.time.advance(20_000);
  assert.deepEqual(
    node.asked.slice(2).map(({ atMs, pod }) => [atMs, pod]),
    [[22_000, 'b']],
  );
  node.pods.clear();
  await node.time.advance(20_999);
  assert.equal(drain.code, undefined);
  await node.time.advance(1);
  assert.equal(drain.code, 0);
});

test('trusts a 404: a pass with no other answer ends the drain, though the pods are there', async () => {
  const { node, drainer } = setUp();
  node.add('a');
  node.answer = () => 404;
  const drain = await node.drain(drainer);
  await drain.ended;
  assert.equal(drain.code, 0);
  assert.equal(node.pods.get('a')?.node, 'node-1');
});

test('a 404 counts for its pass only: with another pod to wait for, that pod is asked about again', async () => {
  const { node, drainer } = setUp();
  node.add('a');
  node.add('b');
  node.answer = (pod) => (pod === 'a' ? 404 : 500);
  const drain = await node.drain(drainer);
  await node.time.advance(20_000);
  assert.deepEqual(
    node.asked.map(({ pod }) => pod),
    ['a', 'b', 'a', 'b'],
  );
  assert.equal(drain.code, undefined);
});

test('begins no eviction after 10 s of a pass', async () => {
  const { node, drainer } = setUp();
  for (const name of ['a', 'b', 'c', 'd']) node.add(name);
  node.answerMs = 4_000;
  node.answer = () => 404;
  const drain = await node.drain(drainer);
  await node.time.advance(31_999);
  assert.deepEqual(
    node.asked.map(({ atMs, pod }) => [atMs, pod]),
    [
      [0, 'a'],
      [4_000, 'b'],
      [8_000, 'c'],
    ],
  );
  await node.time.advance(1);
  assert.equal(node.asked.length, 4);
  assert.equal(drain.code, undefined);
});

test('leaves pods of DaemonSets and mirror pods alone', async () => {
  const { node, drainer } = setUp();
  node.add('agent', { owner: 'DaemonSet' });
  node.add('kube-proxy', { isMirror: true, owner: 'Node' });
  node.add('a');
  const drain = await node.drain(drainer);
  await node.time.advance(20_000);
  assert.equal(drain.code, 0);
  assert.deepEqual(
    node.asked.map(({ pod }) => pod),
    ['a'],
  );
});

test('ends with 1 where it is ended from outside', async () => {
  const { node, drainer } = setUp();
  node.add('a');
  node.answer = () => 429;
  const end = new AbortController();
  const drain = await node.drain(drainer, end.signal);
  await node.time.advance(5_000);
  end.abort(new Error('enough'));
  await drain.ended;
  assert.equal(drain.code, 1);
  assert.equal(node.lines.at(-1), 'error: unable to drain node "node-1": enough');
});
