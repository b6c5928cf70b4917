import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drainerOf } from '../../../rehearsal/drainers/drain-node.ts';
import type { DrainerModel } from '../../../rehearsal/drainers/model.ts';
import { clusterApiWith } from '../../../rehearsal/drainers/models/cluster-api.ts';
import { DRAINERS } from '../../../rehearsal/drainers/models/index.ts';
import { FakeNode } from './fake-node.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const named = (wanted: string): DrainerModel => {
  const model = DRAINERS.find(({ name }) => name === wanted);
  assert.ok(model, wanted);
  return model;
};

function setUp(model: DrainerModel | string, pods: readonly string[] = ['a']) {
  const node = new FakeNode();
  for (const pod of pods) node.add(pod);
  const drain = () => node.drain(drainerOf(typeof model === 'string' ? named(model) : model, node.client, node.clock));
  return { node, drain };
}

describe('by the library of kubectl', () => {
  test('kured since 1.22 asks as often as its client lets it: 5 times a second', async () => {
    const { node, drain } = setUp('kured');
    node.answer = () => 429;
    await drain();
    await node.time.advance(10 * SECOND);
    assert.equal(node.asked.length, 10 + 5 * 10);
  });

  test('kured reboots after a 404, whatever is still on the node', async () => {
    const { node, drain } = setUp('kured-1.21');
    node.answer = () => 404;
    const drained = await drain();
    await drained.ended;
    assert.equal(drained.code, 0);
    assert.equal(node.pods.get('a')?.node, 'node-1');
  });

  for (const code of [403, 500, 0]) {
    test(`${code || 'no answer'} fails the drain of kured at once, and the others go on`, async () => {
      const { node, drain } = setUp('kured-1.21', ['a', 'b']);
      node.answer = (pod) => (pod === 'a' ? code : 201);
      const drained = await drain();
      await node.time.advance(2 * SECOND);
      assert.equal(drained.code, 1);
      assert.equal(node.pods.has('b'), false);
      assert.deepEqual(node.timesOf('a'), [0]);
    });
  }

  test('a namespace that is terminating is waited for, although that is a 403', async () => {
    const { node, drain } = setUp('kured-1.21');
    node.words = 'unable to create new content in namespace db because it is being terminated';
    node.answer = () => 403;
    const drained = await drain();
    await node.time.advance(5 * SECOND);
    assert.equal(drained.code, undefined);
    assert.equal(node.asked.length, 2);
  });

  test('MCO asks for 90 s, then waits a minute, and 5 min once it has failed for 10 min; it never forces', async () => {
    const { node, drain } = setUp('openshift-mco');
    node.answer = () => 429;
    const drained = await drain();
    await node.time.advance(60 * MINUTE);
    const times = node.timesOf();
    const begins = times.filter((atMs, i) => i === 0 || atMs - (times[i - 1] ?? 0) > 5 * SECOND);
    const lasts = begins.map((atMs, i) => (begins[i + 1] ?? 0) - atMs).slice(0, -1);
    assert.deepEqual(
      lasts.slice(0, 5),
      [150, 150, 150, 150, 390].map((seconds) => seconds * SECOND),
    );
    assert.equal(times.filter((atMs) => atMs < 90 * SECOND).length, 18);
    assert.equal(drained.code, undefined);
    assert.deepEqual(node.deleted, []);
  });

  test('a 500 ends only the window of MCO', async () => {
    const { node, drain } = setUp('openshift-mco');
    node.answer = () => 500;
    const drained = await drain();
    await node.time.advance(2 * MINUTE);
    assert.deepEqual(node.timesOf(), [0, MINUTE, 2 * MINUTE]);
    node.answer = () => 404;
    await node.time.advance(MINUTE);
    assert.equal(drained.code, 0);
  });

  test('NMO taints and cordons, and asks for 30 s, 5 s apart', async () => {
    const { node, drain } = setUp('medik8s-nmo');
    node.answer = () => 429;
    await drain();
    await node.time.advance(70 * SECOND);
    assert.deepEqual(node.spec, { taints: [{ key: 'medik8s.io/drain', effect: 'NoSchedule' }], unschedulable: true });
    assert.deepEqual(
      node.timesOf(),
      [0, 5, 10, 15, 20, 25, 35, 40, 45, 50, 55, 60, 70].map((s) => s * SECOND),
    );
  });
});

describe('Cluster API', () => {
  const DB = { app: 'db' };

  function ruled(rules: Parameters<typeof clusterApiWith>[0]) {
    const { node, drain } = setUp(clusterApiWith(rules), []);
    node.add('db', { labels: DB });
    node.add('web');
    return { node, drain };
  }

  test('Skip: nobody asks for the pod, and the drain ends without it', async () => {
    const { node, drain } = ruled([{ labels: DB, behavior: 'Skip' }]);
    const drained = await drain();
    await node.time.advance(20 * SECOND);
    assert.equal(drained.code, 0);
    assert.deepEqual(
      node.asked.map(({ pod }) => pod),
      ['web'],
    );
    assert.ok(node.pods.has('db'));
  });

  test('WaitCompleted: nobody asks for the pod, and the drain waits until it has left', async () => {
    const { node, drain } = ruled([{ labels: DB, behavior: 'WaitCompleted' }]);
    const drained = await drain();
    await node.time.advance(10 * MINUTE);
    assert.equal(drained.code, undefined);
    assert.deepEqual(
      node.asked.map(({ pod }) => pod),
      ['web'],
    );
    node.pods.delete('db');
    await node.time.advance(20 * SECOND);
    assert.equal(drained.code, 0);
  });

  test('order: the others are asked for once the first have left', async () => {
    const { node, drain } = ruled([{ labels: DB, behavior: 'Drain', order: 7 }]);
    node.answer = (pod) => (pod === 'web' ? 429 : 201);
    await drain();
    await node.time.advance(60 * SECOND);
    assert.deepEqual(node.timesOf('db'), []);
    node.pods.delete('web');
    await node.time.advance(20 * SECOND);
    assert.deepEqual(node.timesOf('db'), [80 * SECOND]);
  });

  test('order: pods that are waited for count as well', async () => {
    const { node, drain } = ruled([
      { labels: DB, behavior: 'WaitCompleted' },
      { labels: {}, behavior: 'Drain', order: 7 },
    ]);
    await drain();
    await node.time.advance(60 * SECOND);
    assert.deepEqual(node.timesOf('web'), []);
    node.pods.delete('db');
    await node.time.advance(20 * SECOND);
    assert.deepEqual(node.timesOf('web'), [80 * SECOND]);
  });

  test('with volumes it asks no more at its limit, and waits until the pods have left', async () => {
    const { node, drain } = setUp('cluster-api-timeout', []);
    node.add('db', { labels: DB });
    node.answer = () => 429;
    const drained = await drain();
    await node.time.advance(60 * MINUTE);
    const { length } = node.asked;
    await node.time.advance(60 * MINUTE);
    assert.deepEqual([drained.code, node.asked.length], [undefined, length]);
    node.pods.delete('db');
    await node.time.advance(5 * SECOND);
    assert.equal(drained.code, 0);
  });

  for (const name of ['cluster-api-skip', 'cluster-api-wait']) {
    test(`${name}: its rule is about protected pods, and the others of a rehearsal are drained`, async () => {
      const { node, drain } = setUp(name, []);
      node.add('db', { labels: DB });
      node.add('web', { labels: { app: 'web' } });
      await drain();
      await node.time.advance(20 * SECOND);
      assert.deepEqual(
        node.asked.map(({ pod }) => pod),
        ['web'],
      );
    });
  }

  test('a pod with its label is passed over', async () => {
    const { node, drain } = setUp(clusterApiWith([{ labels: DB, behavior: 'Drain' }]), []);
    node.add('kept', { labels: { ...DB, 'cluster.x-k8s.io/drain': 'skip' } });
    const drained = await drain();
    await drained.ended;
    assert.deepEqual([drained.code, node.asked], [0, []]);
  });
});

describe('at a limit', () => {
  for (const [name, limitMs] of [
    ['cluster-api-timeouts', 60 * MINUTE],
    ['karpenter-limit', 60 * MINUTE],
    ['gardener', 120 * MINUTE],
    ['gardener-volumes', 120 * MINUTE],
    ['eks-force', 15 * MINUTE],
    ['gke', 60 * MINUTE],
  ] as const) {
    test(`${name} deletes the pod without an eviction, and goes on`, async () => {
      const { node, drain } = setUp(name);
      node.answer = () => 429;
      const drained = await drain();
      await node.time.advance(limitMs - 1);
      assert.deepEqual([node.deleted, drained.code], [[], undefined]);
      await node.time.advance(5 * SECOND + 1);
      assert.deepEqual(node.deleted, [
        { atMs: limitMs, pod: 'a', body: { gracePeriodSeconds: 0, preconditions: { uid: 'uid-1' } } },
      ]);
      assert.equal(drained.code, 0);
    });
  }

  for (const [name, limitMs] of [
    ['kured-timeout', 60 * MINUTE],
    ['eks', 15 * MINUTE],
    ['aks', 30 * MINUTE],
    ['draino', 8.5 * MINUTE],
  ] as const) {
    test(`${name} fails, says why, and deletes nothing`, async () => {
      const { node, drain } = setUp(name);
      node.answer = () => 429;
      const drained = await drain();
      await node.time.advance(limitMs - 1);
      assert.equal(drained.code, undefined);
      await node.time.advance(1);
      assert.equal(drained.code, 1);
      assert.deepEqual(node.deleted, []);
      assert.match(node.lines.at(-1) ?? '', /db\/a could not be evicted \(last error: so\): not within \d+ s$/);
      assert.ok((node.spec.unschedulable ?? false) || (node.spec.taints ?? []).length > 0);
    });
  }

  test('cluster-autoscaler 1.34 takes its cordon away, too', async () => {
    const { node, drain } = setUp('cluster-autoscaler-1.34');
    node.answer = () => 429;
    const drained = await drain();
    assert.equal(node.spec.unschedulable, true);
    await node.time.advance(2 * MINUTE);
    assert.equal(drained.code, 1);
    assert.deepEqual(node.spec, { taints: [], unschedulable: null });
  });
});

describe('a refusal that is no 429', () => {
  for (const name of ['aks', 'draino']) {
    test(`ends the drain of ${name} at once, and breaks the others off`, async () => {
      const { node, drain } = setUp(name, ['a', 'b']);
      node.answer = (pod) => (pod === 'a' ? 500 : 429);
      const drained = await drain();
      await drained.ended;
      assert.equal(drained.code, 1);
      await node.time.advance(MINUTE);
      assert.equal(node.asked.length, 2);
    });
  }

  test('is one more try for Gardener if pods have volumes, and the end of a pod if not', async () => {
    for (const [name, tries] of [
      ['gardener-volumes', 4],
      ['gardener', 1],
    ] as const) {
      const { node, drain } = setUp(name);
      node.answer = () => 500;
      await drain();
      await node.time.advance(MINUTE);
      assert.equal(node.asked.length, tries, name);
    }
  });
});

describe('whether a pod has left', () => {
  test('Gardener drops a refused pod with a volume whose UID has changed, and asks for no successor', async () => {
    const { node, drain } = setUp('gardener-volumes');
    node.answer = () => 429;
    node.answerMs = SECOND;
    const drained = await drain();
    node.move('a');
    await node.time.advance(SECOND);
    await drained.ended;
    assert.deepEqual([drained.code, node.asked.length], [0, 1]);
  });

  test('EKS and GKE wait after a 404 until the pod is on another node', async () => {
    for (const name of ['eks', 'gke']) {
      const { node, drain } = setUp(name);
      node.answer = () => 404;
      const drained = await drain();
      await node.time.advance(MINUTE);
      assert.deepEqual([drained.code, node.asked.length], [undefined, 1], name);
      node.move('a');
      await node.time.advance(5 * SECOND);
      assert.equal(drained.code, 0, name);
    }
  });

  test('the descheduler asks once a cycle, and a 404 is no end', async () => {
    const { node, drain } = setUp('descheduler');
    node.answer = () => 404;
    const drained = await drain();
    await node.time.advance(10 * MINUTE);
    assert.deepEqual(node.timesOf(), [0, 5 * MINUTE, 10 * MINUTE]);
    assert.equal(drained.code, undefined);
    node.move('a');
    await node.time.advance(5 * MINUTE);
    assert.equal(drained.code, 0);
  });

  test('the VPA updater marks nothing, asks once a minute, and leaves a successor on the same node alone', async () => {
    const { node, drain } = setUp('vpa');
    node.answer = () => 429;
    const drained = await drain();
    await node.time.advance(2 * MINUTE);
    assert.deepEqual(node.spec, {});
    assert.deepEqual(node.timesOf(), [0, MINUTE, 2 * MINUTE]);
    node.add('a');
    await node.time.advance(MINUTE);
    assert.deepEqual([drained.code, node.asked.length], [0, 3]);
  });
});
