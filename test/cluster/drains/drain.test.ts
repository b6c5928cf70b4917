import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createDeployment, createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { evict, evictUntil } from '../support/evict.ts';
import { createDaemonSet, endPod } from '../support/pods.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

let rig: Rig;

before(async () => {
  rig = await startRig();
  await Promise.all([
    rig.hook('default'),
    rig.hook('namespace', { TRACKING_RESOURCE_TYPE: 'namespace' }),
    rig.hook('untracked', { TRACK_RESCHEULED_PODS: 'false' }),
    rig.hook('other-names', {
      TRACKING_RESOURCE_TYPE: 'namespace',
      POD_LABEL_SELECTOR_KEY: 'example.com/db',
      POD_LABEL_SELECTOR_VALUE: 'yes',
      RESCHEDULE_ANNOTATION_KEY: 'example.com/move',
      RESCHEDULE_ANNOTATION_VALUE: 'please',
    }),
  ]);
});

after(() => rig?.stop());

/** What an administrator looks at when a drain is over. */
async function assertDrained(scene: Scene, node: string, result: { code: number; stderr: string }): Promise<void> {
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(await scene.podsOn(node), []);
  await scene.assertNobodyEvicted();
}

describe('kubectl drain on the real control plane', { concurrency: 4 }, () => {
  test('in place: each pod moves once under its name, and its entry remains until it is pruned', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'in-place', size: 3 });
    const result = await scene.drain(scene.node(1));
    await assertDrained(scene, scene.node(1), result);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001', 'cb-0002']);
    assert.deepEqual(Object.keys(await scene.entries()), [
      'reschedule.hook/in-place.cb-0000',
      'reschedule.hook/in-place.cb-0001',
      'reschedule.hook/in-place.cb-0002',
    ]);
    for (const pod of await scene.pods()) assert.deepEqual(pod.annotations, {}, `${pod.name} carries no mark`);
  });

  test('fault 19: in place by spec.upgrade.upgradeProcess, operator 2.9 and later', async () => {
    const cluster = { process: 'InPlaceUpgrade', processIn: 'upgrade' } as const;
    await using scene = await aScene({ rig, hook: 'default', namespace: 'new-path', cluster });
    const result = await scene.drain(scene.node(1));
    await assertDrained(scene, scene.node(1), result);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    assert.equal(Object.keys(await scene.entries()).length, 2);
  });

  test('swap: each pod moves once under a new name, and no entry is written', async () => {
    await using scene = await aScene({
      rig,
      hook: 'default',
      namespace: 'swap',
      cluster: { process: 'SwapRebalance' },
    });
    const result = await scene.drain(scene.node(1));
    await assertDrained(scene, scene.node(1), result);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    assert.deepEqual(
      (await scene.pods()).map(({ name }) => name),
      ['cb-0002', 'cb-0003'],
    );
    assert.deepEqual(await scene.entries(), {});
  });

  test('a mixed node: selected, unselected, DaemonSet, finished and Job pods (fault 17)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'mixed' });
    const { client } = rig;
    const { namespace } = scene;
    const node = scene.node(1);
    const labels = { app: 'couchbase', couchbase_cluster: 'cb' };
    await createDaemonSet(client, { namespace, name: 'agent', nodeSelector: { pool: namespace } });
    await createDeployment(client, { namespace, name: 'web', spec: { nodeSelector: { pool: namespace } } });
    await createPod(client, { namespace, name: 'plain', node });
    const job = { apiVersion: 'batch/v1', kind: 'Job', name: 'backup', uid: crypto.randomUUID(), controller: true };
    const backup = await createPod(client, {
      namespace,
      name: 'backup-1',
      node,
      labels,
      ownerReferences: [job],
      finalizers: ['test/keep'],
    });
    const { metadata: finished } = await createPod(client, { namespace, name: 'finished', node, labels });
    await waitForPod(client, { namespace, name: 'plain' });
    await waitForPod(client, { namespace, name: 'finished' });
    await endPod(client, { namespace, name: 'finished', at: new Date(Date.now() - 6 * 60_000) });

    const drained = scene.drain(node);
    // The garbage collector would delete a pod whose Job does not exist; its finalizer shows that the drain asked first.
    await scene.until('the backup pod to be on its way out', async () => (await scene.pod('backup-1'))?.terminating);
    assert.equal((await scene.pod('backup-1'))?.uid, backup.metadata.uid);
    assert.equal((await scene.pod('backup-1'))?.annotations['cao.couchbase.com/reschedule'], undefined);
    await client.json({
      method: 'PATCH',
      path: `/api/v1/namespaces/${namespace}/pods/backup-1`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { finalizers: null } },
    });
    // This hook has not known it to be over for five minutes, whatever the pod says of its end.
    await evictUntil(scene, 'finished', /waiting to be rescheduled \(it is finished\)$/);
    assert.equal((await evict(scene, 'finished', { uid: finished.uid })).code, 201);
    const result = await drained;
    assert.equal(result.code, 0, result.stderr);
    const left = (await scene.pods()).filter((pod) => pod.node === node);
    assert.deepEqual(
      left.map(({ name }) => name.replace(/-.*/, '')),
      ['agent'],
      'only the DaemonSet pod stays',
    );
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    await scene.assertNobodyEvicted();
  });

  test('tracking by namespace', async () => {
    await using scene = await aScene({ rig, hook: 'namespace', namespace: 'by-namespace' });
    const result = await scene.drain(scene.node(1));
    await assertDrained(scene, scene.node(1), result);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    assert.deepEqual(await scene.entries(), {});
    assert.deepEqual(Object.keys(await scene.namespaceEntries()), [
      'reschedule.hook/by-namespace.cb-0000',
      'reschedule.hook/by-namespace.cb-0001',
    ]);
  });

  test('other label and annotation names, tracked by namespace', async () => {
    const operator = {
      labels: () => ({ 'example.com/db': 'yes' }),
      annotation: { key: 'example.com/move', value: 'please' },
    };
    await using scene = await aScene({ rig, hook: 'other-names', namespace: 'other-names', operator, pdb: false });
    const result = await scene.drain(scene.node(1));
    await assertDrained(scene, scene.node(1), result);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    assert.equal(Object.keys(await scene.namespaceEntries()).length, 2);
  });

  test('tracking off, the operator reuses names: each pod moves once (fault 18)', async () => {
    await using scene = await aScene({ rig, hook: 'untracked', namespace: 'untracked' });
    const result = await scene.drain(scene.node(1));
    await assertDrained(scene, scene.node(1), result);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    assert.deepEqual(await scene.entries(), {});
    assert.deepEqual(await scene.namespaceEntries(), {});
  });

  test('two drains of one node at once: both end, one move each (faults 8 and 10)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'twice' });
    const results = await Promise.all([scene.drain(scene.node(1)), scene.drain(scene.node(1))]);
    for (const result of results) await assertDrained(scene, scene.node(1), result);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
  });

  test('two nodes drained at once, the pod lands on the second (fault 2)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'two-nodes', size: 1, pdb: false });
    await scene.cordon(scene.node(3));
    const first = scene.drain(scene.node(1));
    await scene.until(
      'the pod to land on the second node',
      async () => (await scene.pod('cb-0000'))?.node === scene.node(2),
    );
    // Else the operator may move it before anybody has seen its mark.
    await scene.operator.pause();
    const second = scene.drain(scene.node(2));
    const again = await scene.untilMarked('cb-0000');
    assert.equal(again.node, scene.node(2), 'the second drain has it marked anew, where it landed');
    scene.operator.resume();
    await scene.cordon(scene.node(3), false);
    await assertDrained(scene, scene.node(2), await second);
    await assertDrained(scene, scene.node(1), await first);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0000'], 'off the first node, then off the second');
    assert.equal((await scene.pod('cb-0000'))?.node, scene.node(3));
  });

  test('a drain interrupted, and the node where the pod went drained later (fault 1)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'interrupted', size: 1, pdb: false });
    await scene.cordon(scene.node(3));
    // Again if it was over before it had asked for anything.
    await scene.until('an interrupted drain to have the pod marked', async () => {
      await scene.drain(scene.node(1), ['--ignore-daemonsets', '--timeout=1s']);
      return Object.keys(await scene.entries()).length > 0;
    });
    await scene.until('the pod to land on the second node', async () => {
      const pod = await scene.pod('cb-0000');
      return pod?.node === scene.node(2) && pod.ready;
    });
    await scene.cordon(scene.node(1), false);
    const result = await scene.drain(scene.node(2));
    await assertDrained(scene, scene.node(2), result);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0000']);
  });
});
