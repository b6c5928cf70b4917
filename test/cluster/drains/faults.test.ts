import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { LOG } from '../../../src/log/messages.ts';
import { entryKey } from '../../../src/policy/entry.ts';
import { COUCHBASE_CLUSTER, resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { callsOf, evict, evictInTime, evictUntil, MARKED } from '../support/evict.ts';
import { inTurn } from '../support/in-turn.ts';
import { type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';
import { untilSaid } from '../support/told.ts';

const RESCHEDULE = 'cao.couchbase.com/reschedule';

let rig: Rig;
let hook: RunningHook;

before(async () => {
  rig = await startRig();
  hook = await rig.hook('default');
});

after(() => rig?.stop());

/** Writes an entry as somebody else might have, before the hook did anything. */
async function writeEntry(scene: Scene, pod: string, value: string): Promise<void> {
  await rig.client.json({
    method: 'PATCH',
    path: resourcePath(COUCHBASE_CLUSTER, scene.namespace, scene.cluster),
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { [entryKey(scene.namespace, pod)]: value } } },
  });
}

describe('faults of the reference on the real control plane', { concurrency: 4 }, () => {
  test('kubectl drain --dry-run=server writes nothing, ends, and names the pods (fault 4)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'dry-run' });
    const result = await scene.drain(scene.node(1), ['--ignore-daemonsets', '--dry-run=server']);
    assert.equal(result.code, 0, result.stderr);
    for (const name of ['cb-0000', 'cb-0001']) {
      assert.match(result.stderr, new RegExp(`Warning: reschedule hook, dry run: pod dry-run/${name} would be marked`));
    }
    assert.deepEqual(await scene.entries(), {});
    for (const pod of await scene.pods()) assert.deepEqual(pod.annotations, {});
    assert.deepEqual(scene.moves, []);
  });

  test('a namespace and pod name too long for an annotation key (fault 5)', async () => {
    const namespace = `long-${'n'.repeat(45)}`;
    const cluster = { name: `couchbase-${'c'.repeat(30)}` };
    await using scene = await aScene({ rig, hook: 'default', namespace, cluster, size: 2, nodes: 2 });
    const result = await scene.drain(scene.node(1));
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(scene.moves, [`${cluster.name}-0000`, `${cluster.name}-0001`]);
    assert.deepEqual(await scene.podsOn(scene.node(1)), []);
    const keys = Object.keys(await scene.entries());
    assert.equal(keys.length, 2);
    for (const key of keys) assert.match(key, /^reschedule\.hook\/long-n+_[0-9a-f]{16}$/);
    await scene.assertNobodyEvicted();
  });

  test('the hook killed in mid-drain and started again: the drain goes on, one move each', async () => {
    const own = await rig.hook('killed');
    await using scene = await aScene({ rig, hook: 'killed', namespace: 'killed' });
    await scene.operator.pause();
    const drained = scene.drain(scene.node(1));
    await scene.untilMarked('cb-0000');
    await scene.untilMarked('cb-0001');
    own.kill('SIGKILL');
    await own.exited;
    await own.start();
    scene.operator.resume();
    const first = await drained;
    // kubectl gives a pod up whose eviction came while no hook was there, and is to be run again.
    const result = first.code === 0 ? first : await scene.drain(scene.node(1));
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(await scene.podsOn(scene.node(1)), []);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    await scene.assertNobodyEvicted();
  });

  test('two instances of the hook answering in turn: one move each', async () => {
    const pair = await Promise.all([rig.startHook(), rig.startHook()]);
    const proxy = await inTurn(
      await rig.authority.issue(),
      pair.map(({ webhookPort }) => webhookPort),
    );
    rig.atStop(() => proxy.close());
    await rig.register('pair', proxy.url);
    await using scene = await aScene({ rig, hook: 'pair', namespace: 'pair', size: 3 });
    const result = await scene.drain(scene.node(1));
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(await scene.podsOn(scene.node(1)), []);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001', 'cb-0002']);
    assert.ok(
      proxy.counts.every((count) => count > 1),
      `both were asked: ${proxy.counts}`,
    );
    await scene.assertNobodyEvicted();
  });

  test('the annotation removed by hand is put back, and the pod moves once (fault 11)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'by-hand', size: 1, pdb: false });
    await scene.operator.pause();
    const drained = scene.drain(scene.node(1));
    await scene.untilMarked('cb-0000');
    const removed = await rig.controlPlane.kubectl(['annotate', 'pod', 'cb-0000', '-n', 'by-hand', `${RESCHEDULE}-`]);
    assert.equal(removed.code, 0, removed.stderr);
    await scene.untilMarked('cb-0000');
    scene.operator.resume();
    const result = await drained;
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(scene.moves, ['cb-0000']);
    await scene.assertNobodyEvicted();
  });

  test('an eviction with a UID precondition: the right one marks, a wrong one is 409 and writes nothing (fault 12)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'uid', size: 1, pdb: false });
    await scene.operator.pause();
    const wrong = await evictInTime(scene, 'cb-0000', { uid: crypto.randomUUID() });
    assert.equal(wrong.code, 409, wrong.message);
    assert.match(wrong.message, /is not the UID of the pod/);
    assert.deepEqual(await scene.entries(), {});
    assert.deepEqual((await scene.pod('cb-0000'))?.annotations, {});
    const uid = (await scene.pod('cb-0000'))?.uid ?? '';
    const right = await evictUntil(scene, 'cb-0000', MARKED, { uid });
    assert.equal(right.code, 429, right.message);
    assert.equal((await scene.pod('cb-0000'))?.annotations[RESCHEDULE], 'true');
  });

  test('an eviction without a namespace in its body (fault 16)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'no-namespace', size: 1, pdb: false });
    await scene.operator.pause();
    const answer = await evictUntil(scene, 'cb-0000', MARKED, { omitNamespace: true });
    assert.equal(answer.code, 429, answer.message);
    assert.equal((await scene.pod('cb-0000'))?.annotations[RESCHEDULE], 'true');
  });

  test('the entry written but the pod not marked: 429 and the mark, never 404 (faults 3 and 9)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'half-done', size: 2, pdb: false });
    await scene.operator.pause();
    const own = (await scene.pod('cb-0000'))?.uid ?? '';
    await writeEntry(scene, 'cb-0000', JSON.stringify({ uid: own, node: scene.node(1), at: new Date().toISOString() }));
    await writeEntry(scene, 'cb-0001', 'true');
    await scene.cordon(scene.node(1));
    for (const name of ['cb-0000', 'cb-0001']) {
      const answer = await evictUntil(scene, name, MARKED);
      assert.equal(answer.code, 429, answer.message);
      assert.equal((await scene.pod(name))?.annotations[RESCHEDULE], 'true');
    }
  });

  test('an earlier instance was marked and the pod has settled: 404 each time it is asked (fault 10)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'asked-twice', size: 1, pdb: false });
    const uid = crypto.randomUUID();
    await writeEntry(scene, 'cb-0000', JSON.stringify({ uid, node: 'elsewhere', at: new Date().toISOString() }));
    await scene.until(
      'the hook to have seen the entry',
      async () => (await evict(scene, 'cb-0000', { dryRun: true })).code === 201,
    );
    for (let i = 0; i < 3; i++) {
      const answer = await evictInTime(scene, 'cb-0000');
      assert.equal(answer.code, 404, answer.message);
      assert.match(answer.message, /Pod has been rescheduled with the same name/);
    }
    assert.deepEqual((await scene.pod('cb-0000'))?.annotations, {});
    await scene.assertNobodyEvicted();
  });

  test('no couchbase_cluster label, or no such cluster: marked all the same, the drain waits (fault 14)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'no-tracker', size: 1, pdb: false });
    const { namespace } = scene;
    const node = scene.node(1);
    await createPod(rig.client, { namespace, name: 'unlabelled', node, labels: { app: 'couchbase' } });
    const labels = { app: 'couchbase', couchbase_cluster: 'nowhere' };
    await createPod(rig.client, { namespace, name: 'unowned', node, labels });
    for (const name of ['unlabelled', 'unowned']) {
      await waitForPod(rig.client, { namespace, name });
      const answer = await evictUntil(scene, name, MARKED);
      assert.equal(answer.code, 429, answer.message);
      assert.equal((await scene.pod(name))?.annotations[RESCHEDULE], 'true');
    }
    const lines = await untilSaid([hook], LOG.untracked, 2, (line) => line.namespace === namespace);
    assert.deepEqual(
      lines.map(({ why }) => why),
      ['the pod has no label couchbase_cluster', 'no CouchbaseCluster no-tracker/nowhere'],
    );
  });

  test('a waiting pod costs no API call, a first mark two writes and no read (fault 23)', async () => {
    await using scene = await aScene({ rig, hook: 'counted', namespace: 'counted', size: 1, pdb: false });
    await scene.operator.pause();
    await scene.cordon(scene.node(1));
    // It starts with a cache that knows of the cordon.
    const own = await rig.hook('counted');
    // The cache must know the pod and the cluster: a dry run is answered from a live read, so its line is no proof.
    await scene.until(
      'the hook to know the pod',
      async () => (await evict(scene, 'cb-0000', { dryRun: true })).code === 201,
    );
    const before = await callsOf(own);
    await evictUntil(scene, 'cb-0000', MARKED);
    const marked = await callsOf(own);
    assert.deepEqual(
      { reads: marked.reads - before.reads, writes: marked.writes - before.writes },
      { reads: 0, writes: 2 },
    );
    // A watch that is renewed, or the controller for another test's pods, may make a call of its own now and then.
    await scene.until('five answers without a call', async () => {
      const start = await callsOf(own);
      for (let i = 0; i < 5; i++) {
        assert.match((await evict(scene, 'cb-0000')).message, /Pod waiting to be rescheduled/);
      }
      return isDeepStrictEqual(await callsOf(own), start);
    });
  });
});
