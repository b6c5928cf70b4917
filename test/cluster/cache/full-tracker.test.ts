import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { podPath } from '../../../src/kube/paths.ts';
import { encodeEntry, entryKey } from '../../../src/policy/entry.ts';
import { createNamespace, createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { callsOf, evict, evictUntil, MARKED } from '../support/evict.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';
import { addNode } from '../support/scene.ts';
import { RESCHEDULE } from '../support/ward.ts';

const NAMESPACE = 'full';
const LIMIT_BYTES = 256 * 1024;
const FULL = /Pod waiting to be rescheduled \(PATCH .*metadata\.annotations: Too long/;

let rig: Rig;

before(async () => {
  rig = await startRig({ installCrd: false });
});

after(() => rig?.stop());

/** As many entries as the annotations of one object can hold, of pods that are gone. */
function entriesUpTo(limit: number): Record<string, string> {
  const entries: Record<string, string> = {};
  let bytes = 0;
  for (let i = 1; ; i++) {
    const pod = `cb-${String(i).padStart(4, '0')}`;
    const key = entryKey(NAMESPACE, pod);
    const uid = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`;
    const value = encodeEntry({ uid, node: 'node-1', at: Date.now(), namespace: NAMESPACE, pod });
    bytes += key.length + value.length;
    if (bytes > limit) return entries;
    entries[key] = value;
  }
}

const annotate = (annotations: Readonly<Record<string, string | null>>) =>
  rig.client.json({
    method: 'PATCH',
    path: `/api/v1/namespaces/${NAMESPACE}`,
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations } },
  });

test('a tracking resource without room for another entry: 429 with the cause, one try for each eviction, no mark', async (t) => {
  const hook = await rig.hook(NAMESPACE, { TRACKING_RESOURCE_TYPE: 'namespace' });
  await createNamespace(rig.client, NAMESPACE, { [HOOK_LABEL]: NAMESPACE });
  await addNode(rig, 'full-node', NAMESPACE, true);
  const pod = { namespace: NAMESPACE, name: 'late' };
  await createPod(rig.client, { ...pod, node: 'full-node', labels: { app: 'couchbase' } });
  await waitForPod(rig.client, { ...pod, timeoutMs: 60_000 });
  const entries = entriesUpTo(LIMIT_BYTES);
  const [first = ''] = Object.keys(entries);
  t.diagnostic(`${Object.keys(entries).length} entries fill it`);
  await annotate(entries);

  // Once the hook has seen them all: until then it would write an entry over something older, and be told of a conflict.
  const here = { rig, namespace: NAMESPACE };
  await evictUntil(here, 'late', FULL);
  const { writes } = await callsOf(hook);
  for (const evictions of [1, 2]) {
    const { code, message } = await evict(here, 'late');
    assert.equal(code, 429);
    assert.match(message, FULL);
    assert.ok(message.length < 1_000, 'it does not carry the annotations');
    assert.equal((await callsOf(hook)).writes, writes + evictions);
  }
  const { metadata } = await rig.client.json({ method: 'GET', path: podPath(NAMESPACE, 'late') });
  assert.equal((metadata as { annotations?: Record<string, string> }).annotations?.[RESCHEDULE], undefined);

  await annotate({ [first]: null });
  assert.equal((await evictUntil(here, 'late', MARKED)).code, 429);
});
