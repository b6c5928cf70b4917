import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { patchCluster } from '../../../testkit/couchbase/workload.ts';
import { Descheduler, REQUEST_EVICT_ONLY } from '../support/descheduler.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

let rig: Rig;

before(async () => {
  rig = await startRig();
  await rig.hook('always');
  await rig.hook('draining', { MARK_WHEN: 'draining' });
});

after(() => rig?.stop());

/** Two members on one node, which nobody drains, and an operator that does nothing yet. */
async function quietScene(namespace: string, hook: string, annotations: Record<string, string>): Promise<Scene> {
  const scene = await aScene({
    rig,
    hook,
    namespace,
    operator: {
      manifest: ({ metadata, ...pod }) => {
        const own = (metadata as { annotations?: Record<string, string> }).annotations;
        return { ...pod, metadata: { ...(metadata as object), annotations: { ...own, ...annotations } } };
      },
    },
  });
  await patchCluster(rig.client, namespace, scene.cluster, { paused: true });
  return scene;
}

const uidOf = async (scene: Scene, name: string) => (await scene.pod(name))?.uid;

test('the descheduler counts a pod that asks for it as under way, and asks for no other one in its place', async () => {
  await using scene = await quietScene('background', 'always', { [REQUEST_EVICT_ONLY]: '' });
  const descheduler = new Descheduler(scene, { mostOnNode: 1 });
  const [node, name] = [scene.node(1), 'cb-0000'];
  const before = await uidOf(scene, name);
  assert.deepEqual(await descheduler.cycle(node), { 'cb-0000': 'in background', 'cb-0001': 'not asked' });
  await scene.untilMarked(name);
  assert.deepEqual(await descheduler.cycle(node), { 'cb-0000': 'not asked', 'cb-0001': 'not asked' });

  const restarted = new Descheduler(scene, { mostOnNode: 1 });
  assert.deepEqual(
    await restarted.cycle(node),
    { 'cb-0000': 'in background', 'cb-0001': 'not asked' },
    'one that has forgotten it is told the same of the marked pod',
  );

  await patchCluster(rig.client, scene.namespace, scene.cluster, { paused: false });
  await scene.until('the member to be moved', async () => {
    const pod = await scene.pod(name);
    return pod !== undefined && pod.uid !== before && pod.ready;
  });
  assert.deepEqual(scene.moves, [name]);
  await scene.assertNobodyEvicted();
});

test('a pod that does not ask for it is marked as well, and its eviction has failed', async () => {
  await using scene = await quietScene('foreground', 'always', {});
  const descheduler = new Descheduler(scene, { mostOnNode: 1 });
  assert.deepEqual(await descheduler.cycle(scene.node(1)), { 'cb-0000': 'failed', 'cb-0001': 'failed' });
  for (const name of ['cb-0000', 'cb-0001']) await scene.untilMarked(name);
});

test('with MARK_WHEN=draining nobody is asked to move a pod for the descheduler, and it is told so', async () => {
  await using scene = await quietScene('quiet', 'draining', { [REQUEST_EVICT_ONLY]: '' });
  const descheduler = new Descheduler(scene, { mostOnNode: 1 });
  const [node, failed] = [scene.node(1), { 'cb-0000': 'failed', 'cb-0001': 'failed' }];
  assert.deepEqual(await descheduler.cycle(node), failed);
  const marks = (await scene.pods()).filter(({ annotations }) => annotations['cao.couchbase.com/reschedule']);
  assert.deepEqual(marks, []);
  await scene.cordon(node);
  await scene.until('an answer that takes the cordon for a drain', async () => {
    return (await descheduler.cycle(node))['cb-0000'] === 'in background';
  });
});
