import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, createPod } from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { type Audit, anAudit } from '../support/audit.ts';
import { evict } from '../support/evict.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';
import { untilCounted } from '../support/right-again.ts';
import { addNode } from '../support/scene.ts';

let audit: Audit;
let rig: Rig;

before(async () => {
  audit = anAudit();
  rig = await startRig({ controlPlane: { apiServerArgs: audit.apiServerArgs } });
});

after(async () => {
  await rig?.stop();
  audit?.remove();
});

test('the audit log of the API server has each decision, and the review that the log of the hook names', async () => {
  const hook = await rig.hook('audited');
  const namespace = 'audited';
  const node = 'audited-node';
  await createNamespace(rig.client, namespace, { [HOOK_LABEL]: 'audited' });
  await addNode(rig, node, namespace, true);
  await createPod(rig.client, { namespace, name: 'member', node, labels: { app: 'couchbase' } });
  await createPod(rig.client, { namespace, name: 'other', node, labels: { app: 'web' } });
  for (const kind of ['pods', 'nodes'] as const) await untilCounted(rig, hook, kind);
  const codes = [];
  for (const pod of ['member', 'member', 'other']) codes.push((await evict({ rig, namespace }, pod)).code);
  assert.deepEqual(codes, [429, 429, 201]);

  const webhook = `port-${hook.webhookPort}.reschedule-hook.rehearsal`;
  const annotated = (pod: string, count: number) =>
    until(`${count} events about ${pod}`, async () => {
      const found = audit.evictionsOf(pod);
      if (found.length < count) throw new NotYet(`${found.length}`);
      return found.map((one) => ['decision', 'reason', 'rule', 'review'].map((key) => one[`${webhook}/${key}`]));
    });
  const events = [...(await annotated('member', 2)), ...(await annotated('other', 1))];
  assert.deepEqual(
    events.map(([decision, reason, rule]) => [decision, reason, rule]),
    [
      ['mark', 'Marked', '9'],
      ['deny', 'Waiting', '7'],
      ['allow', 'NotSelected', '3'],
    ],
  );
  for (const [decision, reason, rule, review] of events) {
    assert.match(review ?? '', /^[0-9a-f-]{36}$/);
    const line = await hook.waitForLine((one) => one.review === review);
    assert.deepEqual([line.decision, line.reason, line.rule], [decision, reason, rule]);
  }
});
