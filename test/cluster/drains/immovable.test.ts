import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { nodePath } from '../../../src/kube/paths.ts';
import { createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { untilTrue } from '../../support/until-true.ts';
import { evict, evictUntil, MARKED, metric } from '../support/evict.ts';
import { createDaemonSet } from '../support/pods.ts';
import { type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { addNode, aScene } from '../support/scene.ts';
import { untilMetric } from '../support/told.ts';
import { RESCHEDULE } from '../support/ward.ts';

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

const DECISIONS = 'reschedule_hook_decisions_total';

/** One member, which runs on its first node only: by affinity, as with a local volume. */
function aPinnedMember(name: string) {
  const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: [`${name}-1`] }];
  const required = { nodeSelectorTerms: [{ matchExpressions }] };
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
  const manifest = (pod: { readonly spec: object }) => ({ ...pod, spec: { ...pod.spec, affinity } });
  return aScene({
    rig,
    hook: name,
    namespace: name,
    nodes: 2,
    size: 1,
    pdb: false,
    operator: { manifest: manifest as never, recreateDelayMs: 1 },
  });
}

const untilDecided = (hook: RunningHook, reason: string, count = 1) =>
  untilTrue(
    `${count} decisions ${reason}`,
    async () => (await metric(hook, DECISIONS, new RegExp(`reason="${reason}"`))) >= count,
  );

describe('what cannot go elsewhere, on the real control plane', { concurrency: 3 }, () => {
  test('REPLACEMENT_CONDITION=left: kubectl waits while the instance is there, and not for its successor', async () => {
    const hook = await rig.hook('left', { REPLACEMENT_CONDITION: 'left' });
    await using scene = await aPinnedMember('left');
    const first = await scene.pod('cb-0000');
    await scene.operator.pause();
    const drained = scene.drain(scene.node(1));
    await untilDecided(hook, 'Waiting');
    assert.equal((await scene.pod('cb-0000'))?.uid, first?.uid);
    scene.operator.resume();

    const { code, stderr } = await drained;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Pod waiting to be rescheduled/);
    await untilMetric(hook, DECISIONS, 1, /reason="Rescheduled"/);
    const successor = await scene.pod('cb-0000');
    assert.notEqual(successor?.uid, first?.uid);
    assert.equal(successor?.node, undefined, 'no node takes it');
    assert.deepEqual(scene.moves, ['cb-0000']);
    await scene.assertNobodyEvicted();
  });

  test('by default kubectl waits for the successor, with what the scheduler says', async () => {
    const hook = await rig.hook('kept');
    await using scene = await aPinnedMember('kept');
    let isOver = false;
    const drained = scene.drain(scene.node(1)).finally(() => {
      isOver = true;
    });
    // The first may come before the scheduler has looked.
    await untilDecided(hook, 'WaitingForSchedule', 2);
    assert.equal((await scene.pod('cb-0000'))?.node, undefined);
    assert.equal(isOver, false);

    // There is room at last: on another node of that name, as where a machine is replaced.
    await rig.client.json({ method: 'DELETE', path: nodePath(scene.node(1)) });
    await addNode(rig, scene.node(1), 'kept', false);
    const { code, stderr } = await drained;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Pod waiting to be scheduled \(for \d+s; the scheduler says: 0\/\d+ nodes are available/);
    assert.equal((await scene.pod('cb-0000'))?.node, scene.node(1));
    assert.deepEqual(scene.moves, ['cb-0000']);
    await scene.assertNobodyEvicted();
  });

  test('rule 3: mirror pods and DaemonSet pods are let go, though the selector matches them', async () => {
    const hook = await rig.hook('unowned');
    await using scene = await aScene({ rig, hook: 'unowned', namespace: 'unowned', nodes: 1, size: 1, pdb: false });
    const { client } = rig;
    const { namespace } = scene;
    const node = scene.node(1);
    const labels = { app: 'couchbase', couchbase_cluster: 'cb' };
    await scene.operator.pause();
    // As a kubelet writes it. The garbage collector would end a pod whose owner has another UID.
    const { metadata } = await client.json({ method: 'GET', path: nodePath(node) });
    const { uid } = metadata as { uid: string };
    const owner = { apiVersion: 'v1', kind: 'Node', name: node, uid, controller: true };
    const finalizers = ['test/keep'];
    const mirrored = { annotations: { 'kubernetes.io/config.mirror': 'hash' }, ownerReferences: [owner] };
    await createPod(client, { namespace, name: 'mirror', node, labels, finalizers, ...mirrored });
    await createDaemonSet(client, { namespace, name: 'agent', nodeSelector: { pool: namespace }, labels });
    await waitForPod(client, { namespace, name: 'mirror' });
    const agent = await scene.until('the DaemonSet pod to run', async () =>
      (await scene.pods()).find(({ name, ready }) => name.startsWith('agent-') && ready),
    );

    await evictUntil(scene, 'cb-0000', MARKED);
    assert.equal((await scene.pod('mirror'))?.terminating, false);
    for (const [pod, reason] of [
      ['mirror', 'MirrorPod'],
      [agent.name, 'DaemonSetPod'],
    ] as const) {
      assert.deepEqual(await evict(scene, pod), { code: 201, message: '' });
      await untilMetric(hook, DECISIONS, 1, new RegExp(`kind="allow",reason="${reason}"`));
    }
    const mirror = await scene.pod('mirror');
    assert.equal(mirror?.terminating, true);
    assert.equal(mirror.annotations[RESCHEDULE], undefined);
    assert.deepEqual(Object.keys(await scene.entries()), ['reschedule.hook/unowned.cb-0000']);
  });
});
