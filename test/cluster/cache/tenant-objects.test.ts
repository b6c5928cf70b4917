import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createCluster, createNamespace, createPod } from '../../../testkit/couchbase/workload.ts';
import { untilTrue } from '../../support/until-true.ts';
import { evictUntil, MARKED } from '../support/evict.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';
import { addNode } from '../support/scene.ts';
import { RESCHEDULE } from '../support/ward.ts';

const NAMESPACE = 'tenant';
const HEAVY_PODS = 40;
const MADE_UP = 8_500;

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** What a tenant can write without any right on the hook: full annotations on its own objects. */
async function write(): Promise<void> {
  const labels = { app: 'couchbase', couchbase_cluster: 'cb' };
  await createNamespace(rig.client, NAMESPACE, { [HOOK_LABEL]: NAMESPACE });
  await addNode(rig, 'tenant-node', NAMESPACE, true);
  const annotations = Object.fromEntries(
    Array.from({ length: MADE_UP }, (_, n) => [`reschedule.hook/${NAMESPACE}.x${n}`, '']),
  );
  const cluster = { namespace: NAMESPACE, name: 'cb', size: 0, process: 'InPlaceUpgrade', annotations } as const;
  await createCluster(rig.client, cluster);
  for (let n = 0; n < HEAVY_PODS; n++) {
    const mark = { [RESCHEDULE]: 'x'.repeat(250 * 1024) };
    await createPod(rig.client, {
      namespace: NAMESPACE,
      name: `fat-${n}`,
      node: 'tenant-node',
      labels,
      annotations: mark,
    });
  }
}

test('full annotations on pods and on a cluster: lists in small pages, a bounded cache, and an eviction is answered', async (t) => {
  await write();
  const hook = await rig.hook(NAMESPACE);
  const metric = async (line: RegExp) => {
    const text = await (await fetch(`${hook.healthUrl}/metrics`)).text();
    return Number(line.exec(text)?.[1] ?? Number.NaN);
  };
  const leftOut = /^reschedule_hook_entries_left_out (\d+)$/m;
  await untilTrue('the entries to be counted', async () => (await metric(leftOut)) === MADE_UP - 2_500);
  assert.equal(await metric(/^reschedule_hook_entries\{state="gone"\} (\d+)$/m), 2_500);
  assert.equal(await metric(/^reschedule_hook_cache_objects\{kind="pods"\} (\d+)$/m), HEAVY_PODS);
  assert.equal(
    await metric(/^reschedule_hook_marked_pods\{profile="couchbase"\} (\d+)$/m),
    0,
    'their marks are of another value',
  );
  const lists = await metric(/^reschedule_hook_api_requests_total\{method="GET",resource="pods",code="200"\} (\d+)$/m);
  t.diagnostic(`${lists} lists and watches of pods`);
  assert.ok(lists > HEAVY_PODS / 4, 'a page holds no more than four of them');

  await evictUntil({ rig, namespace: NAMESPACE }, 'fat-0', MARKED);
  await untilTrue(
    'the mark to be counted',
    async () => (await metric(/^reschedule_hook_marked_pods\{profile="couchbase"\} (\d+)$/m)) === 1,
  );
});
