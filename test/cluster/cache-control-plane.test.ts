import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { podPath } from '../../src/kube/paths.ts';
import type { HookProcess } from '../../src/rehearsal/hook-process.ts';
import type { LogLine } from '../../src/rehearsal/log-lines.ts';
import { type Asking, keepAsking, untilAnswered } from './support/asking.ts';
import { compactEtcd } from './support/etcd.ts';
import { evict } from './support/evict.ts';
import { type Rig, startRig } from './support/rig.ts';
import { type FaultedHook, untilCounted, untilRight } from './support/right-again.ts';
import { aScene, type Scene } from './support/scene.ts';
import { aWard, type Ward } from './support/ward.ts';

/** The played kubelets may take half a minute to find the API server again. */
const PATIENCE_MS = 120_000;

let rig: Rig;
let ward: Ward;

before(async () => {
  rig = await startRig();
  ward = await aWard(rig, 'ward');
  await ward.markByHand('marked');
});

after(() => rig?.stop());

/** For each test a hook of its own, which no earlier failure makes slow to try again. */
async function facing(hook: HookProcess): Promise<FaultedHook & { asking: Asking }> {
  await untilCounted(rig, hook, 'pods');
  return { rig, hook, ward, asking: keepAsking(rig, hook, ward) };
}

/** Drains a node as Cluster API does: what is on the node, by name, again and again, whatever comes of it. */
async function drainLikeAController(scene: Scene, node: string, isOver: () => boolean): Promise<number[]> {
  const codes: number[] = [];
  const attempt = async () => {
    const pods = await scene.podsOn(node);
    for (const pod of pods) codes.push((await evict(scene, pod)).code);
    return pods.length === 0 && isOver();
  };
  await scene.until('the node to be empty', attempt, PATIENCE_MS);
  return codes;
}

describe('a control plane in trouble', () => {
  test('the API server is killed while a node is drained: each pod moves once, nobody is evicted', async (t) => {
    const { asking, ...faulty } = await facing(await rig.hook('drained'));
    const scene = await aScene({ rig, hook: 'drained', namespace: 'drained', size: 3 });
    await scene.operator.pause();
    await scene.cordon(scene.node(1));
    let isBack = false;
    const byController = drainLikeAController(scene, scene.node(1), () => isBack);
    const byKubectl = scene.drain(scene.node(1));
    for (const name of ['cb-0000', 'cb-0001', 'cb-0002']) await scene.untilMarked(name);
    scene.operator.resume();
    await scene.until('a first move', () => scene.moves.length > 0, PATIENCE_MS);

    await rig.controlPlane.apiServer.stop();
    const { code } = await byKubectl;
    t.diagnostic(`kubectl drain ended with code ${code} when the API server died, after ${scene.moves.length} moves`);
    assert.ok(scene.moves.length < 3, 'killed in the middle');
    const since = performance.now();
    await rig.controlPlane.apiServer.start();
    isBack = true;

    const codes = await byController;
    assert.ok(!codes.includes(201), 'never allowed');
    assert.ok(codes.includes(429));
    const again = await scene.drain(scene.node(1));
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(await scene.podsOn(scene.node(1)), []);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001', 'cb-0002']);
    await scene.assertNobodyEvicted();
    t.diagnostic(`drained ${Math.round(performance.now() - since)} ms after the API server was started again`);
    await untilRight(t, faulty, { since: performance.now(), asking });
  });

  test('the API server is killed and started again', async (t) => {
    // Without a proxy, so that connections are refused as they are in life.
    const { asking, ...faulty } = await facing(await rig.startHook());
    await ward.addPod('not-yet-marked', { quiet: true });
    await rig.controlPlane.apiServer.stop();
    ward.askAbout('not-yet-marked');
    await untilAnswered(asking, 5, /ECONNREFUSED|other side closed|terminated/);
    const since = performance.now();
    await rig.controlPlane.apiServer.start();
    t.diagnostic(`the API server was back after ${Math.round(performance.now() - since)} ms`);
    await untilRight(t, faulty, { since, asking });
  });

  test('etcd is compacted and the API server restarted while the watches hang: 410, and a list', async (t) => {
    const { hook, proxy } = await rig.hookBehindProxy();
    const { asking, ...faulty } = await facing(hook);
    const line = hook.lines.length;
    await ward.addPod('short-lived', { quiet: true });
    await untilCounted(rig, hook, 'pods');
    proxy.hang();
    // What no watch will ever tell this hook: an end, and a beginning in each kind.
    const path = podPath(ward.namespace, 'short-lived');
    await rig.client.json({ method: 'DELETE', path, body: { gracePeriodSeconds: 0 } });
    await ward.addPod('missed');
    await ward.addCluster('missed');
    await rig.controlPlane.apiServer.stop();
    await compactEtcd(rig);
    await rig.controlPlane.apiServer.start();
    const since = performance.now();
    proxy.pass();
    for (const kind of ['pods', 'nodes', 'couchbaseclusters']) {
      const isIt = ({ message, kind: about, error, next }: LogLine) =>
        message === 'Watch interrupted' && about === kind && next === 'list' && /\b410\b/.test(String(error));
      await hook.waitForLine(isIt, { since: line, timeoutMs: 90_000 });
    }
    await untilRight(t, faulty, { since, asking });
  });
});
