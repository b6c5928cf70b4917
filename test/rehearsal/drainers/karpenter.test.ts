import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drainerOf } from '../../../rehearsal/drainers/drain-node.ts';
import { KARPENTER } from '../../../rehearsal/drainers/models/autoscalers.ts';
import { FakeNode } from './fake-node.ts';

const setUp = () => {
  const node = new FakeNode();
  return { node, drainer: drainerOf(KARPENTER, node.client, node.clock) };
};

test('taints, and names the instance that it means', async () => {
  const { node, drainer } = setUp();
  node.add('a');
  const drain = await node.drain(drainer);
  await node.time.advance(1_000);
  assert.deepEqual(node.spec, { taints: [{ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' }] });
  assert.deepEqual(node.asked, [
    {
      atMs: 0,
      pod: 'a',
      body: {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: 'a' },
        deleteOptions: { preconditions: { uid: 'uid-1' } },
      },
    },
  ]);
  assert.equal(drain.code, 0);
});

for (const code of [429, 500, 0]) {
  test(`after ${code || 'no answer'} it waits 0.1 s, twice as long each time, 10 s at most, without end`, async () => {
    const { node, drainer } = setUp();
    node.add('a');
    node.answer = () => code;
    const drain = await node.drain(drainer);
    await node.time.advance(3_600_000);
    const times = node.asked.map(({ atMs }) => atMs);
    const pauses = times.slice(1).map((atMs, i) => atMs - (times[i] ?? 0));
    assert.deepEqual(pauses.slice(0, 9), [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
    assert.equal(Math.max(...pauses), 10_000);
    assert.equal(drain.code, undefined);
  });
}

for (const code of [404, 409]) {
  test(`${code} drops the pod, but the node is looked at every second, and the pod is there`, async () => {
    const { node, drainer } = setUp();
    node.add('a');
    node.answer = () => code;
    const drain = await node.drain(drainer);
    await node.time.advance(2_000);
    assert.deepEqual(
      node.asked.map(({ atMs }) => atMs),
      [0, 1_000, 2_000],
    );
    assert.equal(drain.code, undefined);
    node.move('a');
    await node.time.advance(1_000);
    assert.equal(drain.code, 0);
  });
}

test('waits for a pod that is going without evicting it again, and breaks off what is under way when none is left', async () => {
  const { node, drainer } = setUp();
  node.add('a');
  node.add('b');
  node.evicted = (pod) => node.terminate(pod);
  node.answer = (pod) => (pod === 'a' ? 201 : 429);
  const drain = await node.drain(drainer);
  await node.time.advance(10_000);
  assert.equal(node.asked.filter(({ pod }) => pod === 'a').length, 1);
  node.pods.clear();
  await node.time.advance(1_000);
  assert.equal(drain.code, 0);
  assert.equal(node.time.timers, 0);
});

test('leaves pods of DaemonSets and mirror pods alone, and does not wait for finished ones', async () => {
  const { node, drainer } = setUp();
  node.add('agent', { owner: 'DaemonSet' });
  node.add('kube-proxy', { isMirror: true, owner: 'Node' });
  node.add('backup', { owner: 'Job', phase: 'Succeeded' });
  const drain = await node.drain(drainer);
  await drain.ended;
  assert.deepEqual([drain.code, node.asked], [0, []]);
});
