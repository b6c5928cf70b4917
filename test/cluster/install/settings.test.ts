import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, createPod } from '../../../testkit/couchbase/workload.ts';
import { evict, evictUntil } from '../support/evict.ts';
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
    assert.doesNotMatch(message, /annotation added/, `${value}:${effect}`);
  }
  await taint('now', 'NoSchedule');
  await evictUntil({ rig, namespace }, 'member', /Reschedule annotation added to pod/);
});
