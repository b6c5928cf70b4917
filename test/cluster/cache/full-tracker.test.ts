import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { podPath } from '../../../src/kube/paths.ts';
import { LOG } from '../../../src/log/messages.ts';
import { encodeEntry, entryKey } from '../../../src/policy/entry.ts';
import { createNamespace, createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { until } from '../../../testkit/until.ts';
import { callsOf, evict, evictUntil, MARKED } from '../support/evict.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';
import { addNode } from '../support/scene.ts';
import { untilSaid } from '../support/told.ts';
import { RESCHEDULE } from '../support/ward.ts';

const NAMESPACE = 'full';
/** Less than the time after which another refusal counts. */
const SOON_MS = 4_000;
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

test('a tracking resource without room for another entry: 429 with the cause, then a mark without an entry', async (t) => {
  const hook = await rig.hook(NAMESPACE, { TRACKING_RESOURCE_TYPE: 'namespace' });
  await createNamespace(rig.client, NAMESPACE, { [HOOK_LABEL]: NAMESPACE });
  await addNode(rig, 'full-node', NAMESPACE, true);
  const pod = { namespace: NAMESPACE, name: 'late' };
  await createPod(rig.client, { ...pod, node: 'full-node', labels: { app: 'couchbase' } });
  await waitForPod(rig.client, pod);
  const entries = entriesUpTo(LIMIT_BYTES);
  t.diagnostic(`${Object.keys(entries).length} entries fill it`);
  await annotate(entries);

  // Once the hook has seen them all: until then it would write an entry over something older, and be told of a conflict.
  const here = { rig, namespace: NAMESPACE };
  await evictUntil(here, 'late', FULL);
  const { writes } = await callsOf(hook);
  const since = performance.now();
  const { code, message } = await evict(here, 'late');
  const { writes: tried } = await callsOf(hook);
  const mark = await markOf('late');
  // A refusal that comes later than that settles it, so that the pod is marked.
  if (performance.now() - since < SOON_MS) {
    assert.equal(code, 429);
    assert.match(message, FULL);
    assert.ok(message.length < 1_000, 'it does not carry the annotations');
    assert.equal(tried, writes + 1, 'one try for each eviction');
    assert.equal(mark, undefined);
  }

  await evictUntil(here, 'late', MARKED);
  assert.equal(await markOf('late'), 'true');
  const [line] = await untilSaid([hook], LOG.untracked);
  assert.match(String(line?.why), /the tracking resource refuses entries: .*Too long/);
});

test('a policy that refuses every entry: the pod is marked without one', async () => {
  const namespace = 'forbidding';
  await forbidEntries(namespace);
  const hook = await rig.hook(namespace, { TRACKING_RESOURCE_TYPE: 'namespace' });
  await createNamespace(rig.client, namespace, { [HOOK_LABEL]: namespace });
  await addNode(rig, 'forbidding-node', namespace, true);
  const pod = { namespace, name: 'late' };
  await createPod(rig.client, { ...pod, node: 'forbidding-node', labels: { app: 'couchbase' } });
  await waitForPod(rig.client, pod);
  const here = { rig, namespace };
  await evictUntil(here, 'late', /denied request: no entries/);
  await evictUntil(here, 'late', MARKED);
  assert.equal(await markOf('late', namespace), 'true');
  const [line] = await untilSaid([hook], LOG.untracked);
  assert.match(String(line?.why), /the tracking resource refuses entries: .*denied request: no entries/);
  await hook.stop();
});

async function markOf(pod: string, namespace = NAMESPACE): Promise<string | undefined> {
  const { metadata } = await rig.client.json({ method: 'GET', path: podPath(namespace, pod) });
  return (metadata as { annotations?: Record<string, string> }).annotations?.[RESCHEDULE];
}

/** A ValidatingAdmissionPolicy on one Namespace, and a wait until the API server enforces it. */
async function forbidEntries(name: string): Promise<void> {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const at = `/apis/${apiVersion}`;
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['namespaces'] };
  const expression = `!has(object.metadata.annotations) || !object.metadata.annotations.exists(key, key.startsWith('reschedule.hook/'))`;
  const spec = {
    failurePolicy: 'Fail',
    matchConstraints: { resourceRules: [rule] },
    matchConditions: [{ name: 'one', expression: `object.metadata.name.startsWith('${name}')` }],
    validations: [{ expression, message: 'no entries' }],
  };
  const policy = { apiVersion, kind: 'ValidatingAdmissionPolicy', metadata: { name }, spec };
  await rig.client.json({ method: 'POST', path: `${at}/validatingadmissionpolicies`, body: policy });
  const binding = { policyName: name, validationActions: ['Deny'] };
  const kind = 'ValidatingAdmissionPolicyBinding';
  const body = { apiVersion, kind, metadata: { name }, spec: binding };
  await rig.client.json({ method: 'POST', path: `${at}/validatingadmissionpolicybindings`, body });
  const probe = `${name}-probe`;
  await createNamespace(rig.client, probe);
  await until('the policy to be enforced', async () => {
    const annotations = { 'reschedule.hook/probe': String(Date.now()) };
    const path = `/api/v1/namespaces/${probe}`;
    const contentType = 'application/merge-patch+json';
    const patched = rig.client.json({ method: 'PATCH', path, contentType, body: { metadata: { annotations } } });
    await assert.rejects(patched, /no entries/);
  });
}
