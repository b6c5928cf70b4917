import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ApiError, describeError } from '../../../src/kube/errors.ts';
import { LOG } from '../../../src/log/messages.ts';
import { COUCHBASE_CLUSTER, clusterDefinition, resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createCluster, createNamespace, createPod, entriesOnCluster } from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { callsOf, evictUntil, MARKED } from '../support/evict.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';
import { addNode } from '../support/scene.ts';
import { startThirdParty } from '../support/third-party.ts';
import { untilSaid } from '../support/told.ts';
import { MERGE_PATCH } from '../support/ward.ts';

/** Of two refusals that count. */
const APART_MS = 5_000;
const DEFINITION = `${COUCHBASE_CLUSTER.plural}.${COUCHBASE_CLUSTER.group}`;

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** A selected pod, its CouchbaseCluster, and a hook that has seen both while nobody refused anything. */
async function aMember(namespace: string) {
  const hook = await rig.hook(namespace);
  await createNamespace(rig.client, namespace, { [HOOK_LABEL]: namespace });
  await addNode(rig, `${namespace}-node`, namespace, true);
  await createCluster(rig.client, { namespace, name: 'cb', size: 1, process: 'InPlaceUpgrade' });
  const labels = { app: 'couchbase', couchbase_cluster: 'cb' };
  for (const name of ['early', 'late'])
    await createPod(rig.client, { namespace, name, node: `${namespace}-node`, labels });
  await evictUntil({ rig, namespace }, 'early', MARKED);
  assert.deepEqual(await entriesOf(namespace), ['early']);
  return hook;
}

async function entriesOf(namespace: string): Promise<string[]> {
  const keys = Object.keys(await entriesOnCluster(rig.client, namespace, 'cb'));
  return keys.map((key) => key.slice(`reschedule.hook/${namespace}.`.length));
}

/** Waits until the API server refuses a write to the cluster that changes no more than an entry does. */
async function untilRefused(namespace: string, wanted: RegExp): Promise<void> {
  await until('the refusal of a write', async () => {
    const refusal = await rig.client
      .json({
        method: 'PATCH',
        path: resourcePath(COUCHBASE_CLUSTER, namespace, 'cb'),
        query: { dryRun: 'All' },
        contentType: MERGE_PATCH,
        body: { metadata: { annotations: { 'reschedule.hook/probe': 'x' } } },
      })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    if (!(refusal instanceof ApiError) || !wanted.test(refusal.message)) throw new NotYet(describeError(refusal));
  });
}

async function assertMarkedWithoutEntry(hook: Awaited<ReturnType<typeof aMember>>, namespace: string, why: RegExp) {
  const here = { rig, namespace };
  const { writes } = await callsOf(hook);
  const since = performance.now();
  const { code, message } = await evictUntil(here, 'late', why);
  assert.equal(code, 429);
  assert.match(message, /denied the request: Pod waiting to be rescheduled \(PATCH \S+\/couchbaseclusters\/cb: 4/);
  assert.ok((await callsOf(hook)).writes > writes, 'its entry was tried');
  await evictUntil(here, 'late', MARKED);
  assert.ok(performance.now() - since >= APART_MS, 'a second refusal that counts came before');
  assert.ok((await callsOf(hook)).writes >= writes + 3, 'two refusals and the mark');
  assert.deepEqual(await entriesOf(namespace), ['early']);
  const [line] = await untilSaid([hook], LOG.untracked, 1, ({ pod }) => pod === 'late');
  assert.match(String(line?.why), /^the tracking resource refuses entries: /);
  assert.match(String(line?.why), why);
}

// One after another: the definition is everybody's.
describe('a CouchbaseCluster that takes no entries any more: after two refusals the pod is marked without one', () => {
  test("somebody else's webhook", async () => {
    const hook = await aMember('vetoed');
    await startThirdParty(rig, {
      what: 'refusing',
      namespace: 'vetoed',
      resource: COUCHBASE_CLUSTER,
      review: ({ answer }) => answer('clusters are changed in Git only'),
    });
    const why = /third-party\.example" denied the request: clusters are changed in Git only/;
    await untilRefused('vetoed', why);
    await assertMarkedWithoutEntry(hook, 'vetoed', why);
    await hook.stop();
  });

  test('a tightened definition, which the object does not meet', async () => {
    const hook = await aMember('tightened');
    const { spec } = clusterDefinition();
    const [version] = spec.versions;
    const { openAPIV3Schema } = version?.schema ?? {};
    const properties = { ...openAPIV3Schema?.properties, owner: { type: 'string' } };
    const schema = { openAPIV3Schema: { ...openAPIV3Schema, properties, required: ['owner'] } };
    await rig.client.json({
      method: 'PATCH',
      path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${DEFINITION}`,
      contentType: MERGE_PATCH,
      body: { spec: { versions: [{ ...version, schema }] } },
    });
    const why = /CouchbaseCluster\.couchbase\.com "cb" is invalid: .*owner: Required value/;
    await untilRefused('tightened', why);
    await assertMarkedWithoutEntry(hook, 'tightened', why);
    await hook.stop();
  });
});
