import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { OperatorEvent } from '../../../rehearsal/operator/stand-in-operator.ts';
import { podPath } from '../../../src/kube/paths.ts';
import type { LogLine } from '../../../testkit/log-lines.ts';
import type { ApiGate } from '../support/api-gate.ts';
import { type Asking, keepAsking, untilAnswered } from '../support/asking.ts';
import { type GatedHook, prepareBehindGate, prepareBehindProxy } from '../support/behind-gate.ts';
import { compactEtcd } from '../support/etcd.ts';
import { evict } from '../support/evict.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { type FaultedHook, KINDS, makeChange, untilCounted, untilRight } from '../support/right-again.ts';
import { aScene, type Scene } from '../support/scene.ts';
import { aWard, type Ward } from '../support/ward.ts';

let rig: Rig;
let ward: Ward;

before(async () => {
  rig = await startRig();
  ward = await aWard(rig, 'ward');
  await ward.markByHand('marked');
});

after(() => rig?.stop());

/** For each test a hook of its own, which no earlier failure makes slow to try again. */
async function facing<T extends GatedHook>(gated: T): Promise<T & FaultedHook & { asking: Asking }> {
  await gated.hook.start();
  await untilCounted(rig, gated.hook, 'pods');
  return { rig, ward, ...gated, asking: await keepAsking(rig, gated.hook, ward) };
}

/** To the hook the API server is gone, as it is in life: connections end, and new ones are refused. */
async function killApiServer(gate: ApiGate): Promise<void> {
  await rig.controlPlane.apiServer.stop();
  gate.leave();
}

/** Drains a node as Cluster API does: what is on the node, by name, again and again, whatever comes of it. */
async function drainLikeAController(scene: Scene, node: string, isOver: () => boolean): Promise<number[]> {
  const codes: number[] = [];
  const attempt = async () => {
    const pods = await scene.podsOn(node);
    for (const pod of pods) codes.push((await evict(scene, pod)).code);
    return pods.length === 0 && isOver();
  };
  await scene.until('the node to be empty', attempt);
  return codes;
}

describe('a control plane in trouble', () => {
  test('the API server is killed while a node is drained: each pod moves once, nobody is evicted', async (t) => {
    const { asking, ...faulty } = await facing(await prepareBehindGate(rig, 'drained'));
    await rig.register('drained', faulty.hook.url);
    // The operator stops after its first move, until the API server is back: killed in the middle, on every machine.
    let pauses = 0;
    const onEvent = ({ kind }: OperatorEvent) => {
      if (kind === 'deleted' && pauses++ === 0) void scene.operator.pause();
    };
    await using scene = await aScene({ rig, hook: 'drained', namespace: 'drained', size: 3, operator: { onEvent } });
    await scene.operator.pause();
    await scene.cordon(scene.node(1));
    let isBack = false;
    const byController = drainLikeAController(scene, scene.node(1), () => isBack);
    const byKubectl = scene.drain(scene.node(1));
    for (const name of ['cb-0000', 'cb-0001', 'cb-0002']) await scene.untilMarked(name);
    scene.operator.resume();
    await scene.until('a first move', () => scene.moves.length > 0);

    await killApiServer(faulty.gate);
    const { code } = await byKubectl;
    t.diagnostic(`kubectl drain ended with code ${code} when the API server died, after ${scene.moves.length} moves`);
    assert.ok(scene.moves.length < 3, 'killed in the middle');
    const since = performance.now();
    await rig.controlPlane.apiServer.start();
    await asking.cordonSuccessor();
    await faulty.gate.comeBack();
    isBack = true;
    scene.operator.resume();

    const codes = await byController;
    assert.ok(!codes.includes(201), 'never allowed');
    assert.ok(codes.includes(429));
    const again = await scene.drain(scene.node(1));
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(await scene.podsOn(scene.node(1)), []);
    assert.deepEqual(scene.movesAskedFor, ['cb-0000', 'cb-0001', 'cb-0002']);
    await scene.assertNobodyEvicted();
    t.diagnostic(`drained ${Math.round(performance.now() - since)} ms after the API server was started again`);
    await untilRight(t, faulty, { since: performance.now(), asking });
  });

  test('the API server is killed and started again', async (t) => {
    const { asking, ...faulty } = await facing(await prepareBehindGate(rig, 'killed'));
    await ward.addPod('not-yet-marked', { quiet: true });
    await killApiServer(faulty.gate);
    ward.askAbout('not-yet-marked');
    await untilAnswered(asking, 5, /ECONNREFUSED/);
    const startedAt = performance.now();
    await rig.controlPlane.apiServer.start();
    t.diagnostic(`the API server was back after ${Math.round(performance.now() - startedAt)} ms`);
    const change = await makeChange(faulty);
    await asking.cordonSuccessor();
    await faulty.gate.comeBack();
    await untilRight(t, faulty, { since: performance.now(), asking, change });
  });

  test('etcd is compacted and the API server restarted while the watches hang: 410, and a list', async (t) => {
    const { asking, proxy, ...faulty } = await facing(await prepareBehindProxy(rig, 'compacted'));
    const { hook } = faulty;
    const line = hook.lines.length;
    await ward.addPod('short-lived', { quiet: true });
    await untilCounted(rig, hook, 'pods');
    proxy.hang();
    // What no watch will ever tell this hook: an end, and a beginning in each kind.
    const path = podPath(ward.namespace, 'short-lived');
    await rig.client.json({ method: 'DELETE', path, body: { gracePeriodSeconds: 0 } });
    await ward.addPod('missed');
    await ward.addCluster('missed');
    const change = await makeChange(faulty);
    await asking.cordonSuccessor();
    await rig.controlPlane.apiServer.stop();
    await compactEtcd(rig);
    await rig.controlPlane.apiServer.start();
    const since = performance.now();
    proxy.pass();
    for (const kind of KINDS) {
      const isIt = ({ message, kind: about, error, next }: LogLine) =>
        message === 'Watch interrupted' && about === kind && next === 'list' && /\b410\b/.test(String(error));
      await hook.waitForLine(isIt, { since: line });
    }
    await untilRight(t, faulty, { since, asking, change });
  });
});
