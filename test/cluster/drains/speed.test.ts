import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { entryKey } from '../../../src/policy/entry.ts';
import { COUCHBASE_CLUSTER, resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { type EvictionAnswer, evict } from '../support/evict.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

let rig: Rig;

before(async () => {
  rig = await startRig();
  await Promise.all([rig.hook('default'), rig.hook('untracked', { TRACK_RESCHEDULED_PODS: 'false' })]);
});

after(() => rig?.stop());

/** Evicts one name without a pause, by several hands, until `isOver`; returns the answers. */
async function hammer(
  scene: Scene,
  pod: string,
  hands: number,
  isOver: (answers: readonly EvictionAnswer[]) => boolean,
): Promise<EvictionAnswer[]> {
  const answers: EvictionAnswer[] = [];
  const hand = async () => {
    while (!isOver(answers)) answers.push(await evict(scene, pod));
  };
  await Promise.all(Array.from({ length: hands }, hand));
  return answers;
}

describe('what only speed shows, on the real control plane', () => {
  test('an eviction within milliseconds of the cordon, before any watch can have told: never 404, never allowed', async () => {
    const rounds = 25;
    await using scene = await aScene({ rig, hook: 'default', namespace: 'cordon', size: 1, pdb: false });
    await scene.operator.pause();
    const path = resourcePath(COUCHBASE_CLUSTER, 'cordon', 'cb');
    const podUrl = '/api/v1/namespaces/cordon/pods/cb-0000';
    const contentType = 'application/merge-patch+json';
    const key = entryKey('cordon', 'cb-0000');
    for (let round = 0; round < rounds; round++) {
      // The pod looks settled: an earlier instance was marked, its node is not draining, and the hook says so.
      const annotations = { 'cao.couchbase.com/reschedule': null };
      await rig.client.json({ method: 'PATCH', path: podUrl, contentType, body: { metadata: { annotations } } });
      await scene.cordon(scene.node(1), false);
      const entry = JSON.stringify({ uid: crypto.randomUUID(), node: 'elsewhere', at: new Date().toISOString() });
      await rig.client.json({
        method: 'PATCH',
        path,
        contentType,
        body: { metadata: { annotations: { [key]: entry } } },
      });
      await scene.until('the hook to call it moved', async () => (await evict(scene, 'cb-0000')).code === 404);
      await scene.cordon(scene.node(1));
      const answer = await evict(scene, 'cb-0000');
      assert.equal(answer.code, 429, `round ${round}: ${answer.message}`);
    }
    await scene.assertNobodyEvicted();
  });

  for (const [hook, how] of [
    ['default', 'tracked'],
    ['untracked', 'not tracked'],
  ] as const) {
    test(`evictions hammering one name while its pod is deleted and recreated, ${how}: moved once, none evicted`, async () => {
      await using scene = await aScene({ rig, hook, namespace: `hammer-${hook}`, size: 1, pdb: false });
      await scene.cordon(scene.node(1));
      const before = (await scene.pod('cb-0000'))?.uid;
      const isSettled = () => scene.events.some((event) => event.kind === 'ready' && event.uid !== before);
      let after = 0;
      const isTold = (answers: readonly EvictionAnswer[]) => isSettled() && answers.at(-1)?.code === 404;
      const answers = await hammer(scene, 'cb-0000', 4, (all) => (after > 0 || isTold(all)) && after++ > 400);
      const counts = Map.groupBy(answers, ({ code }) => code);
      assert.deepEqual([...counts.keys()].sort(), [404, 429], 'never allowed, never an error');
      assert.equal(answers.at(-1)?.code, 404);
      assert.deepEqual(scene.moves, ['cb-0000']);
      const pod = await scene.pod('cb-0000');
      assert.notEqual(pod?.uid, before);
      assert.notEqual(pod?.node, scene.node(1));
      assert.deepEqual(pod?.annotations, {}, 'the new instance was never marked');
      await scene.assertNobodyEvicted();
    });
  }
});
