import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { entryKey } from '../../../src/policy/entry.ts';
import { COUCHBASE_CLUSTER, resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import type { TcpProxy } from '../../support/tcp-proxy.ts';
import { evict, evictUntil, MARKED } from '../support/evict.ts';
import { type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

const RESCHEDULE = 'cao.couchbase.com/reschedule';

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** A hook of its own whose watches can be made to fall silent, and a scene with one member that nobody moves. */
async function aStaleScene(
  name: string,
  env?: Record<string, string>,
): Promise<{ scene: Scene; hook: RunningHook; proxy: TcpProxy }> {
  const { hook, proxy } = await rig.hookBehindProxy(env);
  await rig.register(name, hook.url);
  const scene = await aScene({ rig, hook: name, namespace: name, size: 1, pdb: false });
  await scene.operator.pause();
  return { scene, hook, proxy };
}

async function writeEntry({ namespace, cluster }: Scene, uid: string): Promise<void> {
  const value = JSON.stringify({ uid, node: 'elsewhere', at: new Date().toISOString() });
  await rig.client.json({
    method: 'PATCH',
    path: resourcePath(COUCHBASE_CLUSTER, namespace, cluster),
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { [entryKey(namespace, 'cb-0000')]: value } } },
  });
}

/** Replaces the member by another instance of its name on another node, as its operator would. */
async function replaceMember(scene: Scene, node: string): Promise<string> {
  const { namespace } = scene;
  const old = await scene.pod('cb-0000');
  const path = `/api/v1/namespaces/${namespace}/pods/cb-0000`;
  await rig.client.json({ method: 'DELETE', path, body: { gracePeriodSeconds: 0 } });
  await createPod(rig.client, { namespace, name: 'cb-0000', node, labels: { ...old?.labels } });
  return (await waitForPod(rig.client, { namespace, name: 'cb-0000' })).uid;
}

describe('a hook whose watches have fallen silent, on the real control plane', () => {
  test('S2: the cordon has not been seen: the node is read live, and the pod must move again', async () => {
    const { scene, proxy } = await aStaleScene('unseen-cordon');
    await writeEntry(scene, crypto.randomUUID());
    await scene.until('the hook to call it moved', async () => (await evict(scene, 'cb-0000')).code === 404);
    proxy.holdSilent();
    await scene.cordon(scene.node(1));
    await evictUntil(scene, 'cb-0000', MARKED);
    assert.equal((await scene.pod('cb-0000'))?.annotations[RESCHEDULE], 'true');
  });

  test('S4: the pod was replaced unseen: the new instance is not marked, and the drainer waits (fault 13)', async () => {
    const { scene, proxy } = await aStaleScene('unseen-successor', { TRACK_RESCHEDULED_PODS: 'false' });
    await scene.until(
      'the hook to know the pod',
      async () => (await evict(scene, 'cb-0000', { dryRun: true })).code === 201,
    );
    proxy.holdSilent();
    await replaceMember(scene, scene.node(2));
    await evictUntil(scene, 'cb-0000', /cache has not seen this pod yet/);
    assert.deepEqual((await scene.pod('cb-0000'))?.annotations, {});
    proxy.release();
    await evictUntil(scene, 'cb-0000', MARKED);
  });

  test('S4: another replica marked it and it has moved, unseen: 404, not a second move', async () => {
    const { scene, proxy } = await aStaleScene('unseen-mark');
    await scene.until(
      'the hook to know the pod',
      async () => (await evict(scene, 'cb-0000', { dryRun: true })).code === 201,
    );
    proxy.holdSilent();
    const before = (await scene.pod('cb-0000'))?.uid ?? '';
    await writeEntry(scene, before);
    const successor = await replaceMember(scene, scene.node(2));
    // Its entry is refused: the tracking resource is not what was seen. A live read then tells the rest.
    const answer = await evictUntil(scene, 'cb-0000', /rescheduled with the same name/);
    assert.equal(answer.code, 404, answer.message);
    const pod = await scene.pod('cb-0000');
    assert.equal(pod?.uid, successor);
    assert.deepEqual(pod?.annotations, {});
    const [entry = ''] = Object.values(await scene.entries());
    assert.match(entry, new RegExp(`"uid":"${before}","node":"elsewhere"`), 'the entry of the other replica stands');
  });

  test('reset connections: the watches come back and the cache is right again', async () => {
    const { scene, hook, proxy } = await aStaleScene('reset');
    const since = hook.lines.length;
    proxy.reset();
    for (const kind of ['pods', 'nodes', 'couchbaseclusters']) {
      await hook.waitForLine((line) => line.message === 'Watch interrupted' && line.kind === kind, { since });
    }
    const pod = { namespace: 'reset', name: 'newcomer', node: scene.node(1), labels: { app: 'couchbase' } };
    await createPod(rig.client, pod);
    await waitForPod(rig.client, pod);
    await evictUntil(scene, 'newcomer', MARKED);
  });
});
