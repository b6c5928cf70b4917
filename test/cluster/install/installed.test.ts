import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { describePermission, permissionsOf } from '../../../src/kube/permissions.ts';
import { couchbaseCluster } from '../../../src/policy/tracking/couchbasecluster.ts';
import { createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { until } from '../../../testkit/until.ts';
import { type Audit, anAudit } from '../support/audit.ts';
import { evict } from '../support/evict.ts';
import { type Installation, install } from '../support/installation.ts';
import { keepEvicting } from '../support/keep-evicting.ts';
import { SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';

let rig: Rig;
let audit: Audit;
let installation: Installation;
let replicas: HookProcess[];

before(async () => {
  audit = anAudit();
  rig = await startRig({ controlPlane: { nodes: 2, apiServerArgs: audit.apiServerArgs } });
  // Only the retention is other than what was applied, so that entries are pruned while this test looks. It is well over
  // the 5 s after which kubectl asks again: an entry that went sooner would let it have the pod moved twice.
  installation = await install(rig, { TRACKING_RETENTION: '30s' }, { isWholeImage: true });
  replicas = await Promise.all([installation.startReplica(), installation.startReplica()]);
  await installation.untilAsked();
});

after(async () => {
  await rig?.stop();
  audit?.remove();
});

describe('the hook under what config/default applies', () => {
  test('a drain ends, each pod moved once', async () => {
    await using scene = await aScene({ rig, hook: 'installed', namespace: 'installed' });
    const { code, stderr } = await scene.drain(scene.node(1));
    assert.equal(code, 0, stderr);
    assert.match(stderr, /admission webhook "reschedule-hook-server\.reschedule-hook-system\.svc" denied the request/);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    await scene.assertNobodyEvicted();
    await scene.until('the entries to be pruned', async () => Object.keys(await scene.entries()).length === 0);
  });

  test('a rolling restart of both replicas in the middle of a drain fails no eviction', async (t) => {
    await using scene = await aScene({ rig, hook: 'installed', namespace: 'rolling' });
    await scene.operator.pause();
    const drained = scene.drain(scene.node(1));
    await Promise.all(['cb-0000', 'cb-0001'].map((name) => scene.untilMarked(name)));
    const evicting = keepEvicting(rig, 'rolling', ['cb-0000', 'cb-0001', 'cb-0000', 'cb-0001']);

    const ended = [];
    for (const [i, old] of [...replicas].entries()) {
      const next = await installation.startReplica();
      replicas[i] = next;
      await installation.service.untilReady(next.webhookPort);
      await evicting.untilMore(200);
      ended.push(installation.endReplica(old));
    }
    for (const exit of await Promise.all(ended)) assert.deepEqual(exit, { code: 0, signal: null });
    await evicting.untilMore(200);
    await evicting.stop();
    t.diagnostic(`${evicting.answers.length} evictions asked for meanwhile`);
    assert.deepEqual(
      evicting.answers.filter(({ code }) => code !== 429),
      [],
    );
    scene.operator.resume();
    const { code, stderr } = await drained;
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /failed calling webhook/);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    await scene.assertNobodyEvicted();
  });

  test('the API server has been asked for all that the ClusterRole grants, and for nothing else', async () => {
    // A pod whose tracking resource the cache does not have, so that it is looked for.
    const pod = { namespace: 'default', name: 'orphan', labels: { app: 'couchbase', couchbase_cluster: 'gone' } };
    await createPod(rig.client, pod);
    await waitForPod(rig.client, pod);
    assert.equal((await evict({ rig, namespace: 'default' }, 'orphan')).code, 429);
    // A Secret that has to be filled again, which is looked at every minute.
    const secret = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/secrets/reschedule-hook-ca`;
    const contentType = 'application/merge-patch+json';
    await rig.client.json({ method: 'PATCH', path: secret, contentType, body: { data: { 'signing.key': '' } } });
    const own = { ownSecret: { namespace: SYSTEM_NAMESPACE, name: '' }, ownRegistration: '' };
    const listed = permissionsOf({ tracking: couchbaseCluster, ...own });
    const permitted = listed.map(({ verb, group, resource }) => describePermission({ verb, group, resource }));
    const wanted = [...new Set(permitted)].sort();
    const asked = () => audit.seen().filter((one) => one !== 'create selfsubjectaccessreviews.authorization.k8s.io');
    const isAll = async () => {
      const all = asked();
      assert.deepEqual(
        wanted.filter((one) => !all.includes(one)),
        [],
      );
    };
    // Each look reads the whole log of the API server.
    await until('everything to be asked for', isAll, { everyMs: 1_000 });
    assert.deepEqual(asked(), wanted);
  });

  test('with no replica left evictions fail, but not in kube-system and in the namespace of the hook', async () => {
    const labels = { app: 'couchbase' };
    for (const namespace of ['default', 'kube-system']) {
      await createPod(rig.client, { namespace, name: 'left', labels });
      await waitForPod(rig.client, { namespace, name: 'left' });
    }
    for (const replica of replicas) {
      replica.kill('SIGKILL');
      await replica.exited;
    }
    const closed = await evict({ rig, namespace: 'default' }, 'left');
    assert.equal(closed.code, 500);
    assert.match(closed.message, /failed calling webhook "reschedule-hook-server\.reschedule-hook-system\.svc"/);
    assert.equal((await evict({ rig, namespace: 'kube-system' }, 'left')).code, 201);
    const pods = await rig.client.json({ method: 'GET', path: `/api/v1/namespaces/${SYSTEM_NAMESPACE}/pods` });
    const [first] = pods.items as readonly { readonly metadata: { readonly name: string } }[];
    assert.equal((await evict({ rig, namespace: SYSTEM_NAMESPACE }, first?.metadata.name ?? '')).code, 201);
  });
});
