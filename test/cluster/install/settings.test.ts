import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Explanation } from '../../../src/explain/explain.ts';
import { createNamespace, createPod } from '../../../testkit/couchbase/workload.ts';
import { HOOK_ENTRY } from '../../../testkit/hook-process.ts';
import { evict, evictUntil, MARKED } from '../support/evict.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';
import { addNode } from '../support/scene.ts';

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

test('a taint in DRAIN_TAINTS means its value and its effect: only that one drains a node', async () => {
  const namespace = 'taints';
  await rig.hook('taints', { DRAIN_TAINTS: 'example.com/going=now:NoSchedule', MARK_WHEN: 'draining' });
  await createNamespace(rig.client, namespace, { [HOOK_LABEL]: 'taints' });
  await addNode(rig, 'tainted', namespace, false);
  const taint = (value: string, effect: string) =>
    rig.client.json({
      method: 'PATCH',
      path: '/api/v1/nodes/tainted',
      contentType: 'application/merge-patch+json',
      body: { spec: { taints: [{ key: 'example.com/going', value, effect }] } },
    });
  await taint('later', 'NoSchedule');
  const labels = { app: 'couchbase' };
  await createPod(rig.client, { namespace, name: 'member', node: 'tainted', labels });
  for (const [value, effect] of [
    ['later', 'NoSchedule'],
    ['now', 'PreferNoSchedule'],
  ] as const) {
    await taint(value, effect);
    const { code, message } = await evict({ rig, namespace }, 'member');
    assert.equal(code, 429);
    assert.doesNotMatch(message, MARKED, `${value}:${effect}`);
  }
  await taint('now', 'NoSchedule');
  await evictUntil({ rig, namespace }, 'member', MARKED);
});

test('a node drains once a condition of DRAIN_CONDITIONS is True, and explain names it', async () => {
  const namespace = 'conditions';
  const env = { DRAIN_CONDITIONS: 'DrainInProgress', MARK_WHEN: 'draining' };
  await rig.hook('conditions', env);
  await createNamespace(rig.client, namespace, { [HOOK_LABEL]: 'conditions' });
  await addNode(rig, 'going', namespace, false);
  const condition = async (type: string, status: string) => {
    await rig.client.json({
      method: 'PATCH',
      path: '/api/v1/nodes/going/status',
      contentType: 'application/strategic-merge-patch+json',
      body: { status: { conditions: [{ type, status, lastTransitionTime: '2026-01-01T12:00:00Z' }] } },
    });
  };
  await createPod(rig.client, { namespace, name: 'member', node: 'going', labels: { app: 'couchbase' } });
  const scene = { rig, namespace };
  for (const [type, status] of [
    ['DrainInProgress', 'False'],
    ['MaintenancePlanned', 'True'],
    ['DrainInProgress', 'Unknown'],
  ] as const) {
    await condition(type, status);
    await evictUntil(scene, 'member', /nobody drains node going/);
  }
  await condition('DrainInProgress', 'True');
  await evictUntil(scene, 'member', MARKED);
  const where = ['--kubeconfig', rig.controlPlane.kubeconfigPath, '--installation', 'conditions'];
  const args = [HOOK_ENTRY, 'explain', `${namespace}/member`, ...where, '-o', 'json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  const { seen } = JSON.parse(stdout) as Explanation;
  const { text = '' } = seen.find(({ what }) => what === 'node') ?? {};
  assert.match(text, /^going, draining for \d+d.* \(DrainInProgress\)$/);
});
