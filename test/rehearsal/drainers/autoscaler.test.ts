import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drainerOf } from '../../../rehearsal/drainers/drain-node.ts';
import { CLUSTER_AUTOSCALER } from '../../../rehearsal/drainers/models/autoscalers.ts';
import { FakeNode } from './fake-node.ts';

const OTHER = { key: 'other', effect: 'NoSchedule' };

const setUp = () => {
  const node = new FakeNode();
  node.spec = { taints: [OTHER] };
  return { node, drainer: drainerOf(CLUSTER_AUTOSCALER, node.client, node.clock) };
};

test('taints, evicts all at once with the older version, and again every 10 s', async () => {
  const { node, drainer } = setUp();
  node.add('a');
  node.add('b');
  node.answer = (pod) => (pod === 'a' ? 201 : 429);
  const drain = await node.drain(drainer);
  await node.time.advance(10_000);
  assert.deepEqual(node.spec, { taints: [OTHER, { key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] });
  assert.deepEqual(
    node.asked.map(({ atMs, pod }) => [atMs, pod]),
    [
      [0, 'a'],
      [0, 'b'],
      [10_000, 'b'],
    ],
  );
  const metadata = { name: 'a', namespace: 'db' };
  assert.deepEqual(node.asked[0]?.body, { apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata });
  assert.equal(drain.code, undefined);
});

test('counts a 404 as evicted, and then looks by name whether the pod has left the node', async () => {
  const { node, drainer } = setUp();
  node.add('a');
  node.answer = () => 404;
  const drain = await node.drain(drainer);
  await node.time.advance(59_000);
  assert.equal(node.asked.length, 1);
  assert.equal(drain.code, undefined);
  node.move('a');
  await node.time.advance(1_000);
  assert.equal(drain.code, 0);
  assert.equal(node.spec.taints?.length, 2);
});

for (const [what, code] of [
  ['a refusal', 429],
  ['a server error', 500],
  ['no answer', 0],
] as const) {
  test(`gives up after 2 min of ${what}, and takes its taint back, no other`, async () => {
    const { node, drainer } = setUp();
    node.add('a');
    node.answer = () => code;
    const drain = await node.drain(drainer);
    await node.time.advance(119_999);
    assert.equal(drain.code, undefined);
    assert.deepEqual([node.asked.length, node.asked.at(-1)?.atMs], [12, 110_000]);
    await node.time.advance(1);
    assert.equal(drain.code, 1);
    assert.deepEqual(node.spec, { taints: [OTHER] });
    assert.match(
      node.lines.at(-1) ?? '',
      /: db\/a could not be evicted \(last error: (so|fake: reset)\): not within 120 s$/,
    );
  });
}

test('gives up, too, where an evicted pod does not leave', async () => {
  const { node, drainer } = setUp();
  node.add('a');
  node.evicted = (pod) => node.terminate(pod);
  const drain = await node.drain(drainer);
  await node.time.advance(629_999);
  assert.equal(drain.code, undefined);
  await node.time.advance(1);
  assert.equal(drain.code, 1);
  assert.deepEqual(node.spec, { taints: [OTHER] });
});

test('leaves pods of DaemonSets and mirror pods alone', async () => {
  const { node, drainer } = setUp();
  node.add('agent', { owner: 'DaemonSet' });
  node.add('kube-proxy', { isMirror: true, owner: 'Node' });
  const drain = await node.drain(drainer);
  await drain.ended;
  assert.deepEqual([drain.code, node.asked], [0, []]);
});
