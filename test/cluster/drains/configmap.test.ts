import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../../src/kube/client.ts';
import { ApiError } from '../../../src/kube/errors.ts';
import { describePermission, type Permission, permissionsOf } from '../../../src/kube/permissions.ts';
import { LOG } from '../../../src/log/messages.ts';
import { createTracking, NO_TRACKING } from '../../../src/policy/tracking/index.ts';
import { createCluster, createNamespace, waitForMembers } from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { type Audit, anAudit } from '../support/audit.ts';
import { evict, evictUntil, MARKED } from '../support/evict.ts';
import { SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { HOOK_LABEL, type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';
import { startService } from '../support/service.ts';
import { untilSaid } from '../support/told.ts';

/** Well over the 5 s after which kubectl asks again, also on a slow machine. */
const HOME = { POD_NAMESPACE: SYSTEM_NAMESPACE, TRACKING_RETENTION: '30s' };
const BY_CONFIGMAP = { ...HOME, TRACKING_RESOURCE_TYPE: 'configmap' };
/** What `config/components/tracking-change` sets. */
const CHANGE = { ...HOME, TRACKING_ALSO_READ: 'couchbasecluster,namespace,configmap' };
const MOVED = /: Pod has been rescheduled with the same name$/;

let rig: Rig;
let audit: Audit;
let replicas: readonly RunningHook[];

before(async () => {
  audit = anAudit();
  rig = await startRig({ controlPlane: { apiServerArgs: audit.apiServerArgs } });
  replicas = await pair('maps', BY_CONFIGMAP, BY_CONFIGMAP);
});

after(async () => {
  await rig?.stop();
  audit?.remove();
});

/** Two replicas behind one Service, registered under that name. */
async function pair(name: string, ...settings: Record<string, string>[]): Promise<RunningHook[]> {
  const hooks = await Promise.all(settings.map((env) => rig.startHook(env)));
  const service = await startService();
  rig.atStop(() => service.close());
  for (const { webhookPort } of hooks) service.add(webhookPort);
  for (const { webhookPort } of hooks) await service.untilReady(webhookPort);
  await rig.register(name, `https://127.0.0.1:${service.port}/eviction`);
  return hooks;
}

const namespaceOf = ({ namespace }: Scene) =>
  rig.client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}` });
const uidOf = ({ metadata }: JsonObject) => (metadata as { uid: string }).uid;
const keysOf = async (scene: Scene) => Object.keys((await scene.configMap())?.data ?? {}).sort();
const linesOf = (message: string, namespace: string) =>
  replicas.flatMap(({ lines }) => lines.filter((line) => line.message === message && line.namespace === namespace));

/** Who has written to an object, by its managed fields. */
function writersOf({ metadata }: JsonObject): string[] {
  const { managedFields = [] } = metadata as { managedFields?: { manager: string }[] };
  return managedFields.map(({ manager }) => manager);
}

describe('entries in ConfigMaps, two replicas', () => {
  test('a drain moves each pod once, patches nothing but pods, and the last prune deletes the ConfigMap', async () => {
    await using scene = await aScene({ rig, hook: 'maps', namespace: 'map-drain', size: 3 });
    const draining = scene.drain(scene.node(1));
    const map = await scene.until('the ConfigMap', () => scene.configMap());
    const { code, stderr } = await draining;
    assert.equal(code, 0, stderr);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001', 'cb-0002']);
    await scene.assertNobodyEvicted();

    const { labels, ownerReferences } = map.metadata;
    assert.equal(labels?.['reschedule.hook/installation'], 'reschedule-hook');
    const namespace = await namespaceOf(scene);
    assert.deepEqual(
      ownerReferences?.map(({ kind, name, uid }) => [kind, name, uid]),
      [['Namespace', 'map-drain', uidOf(namespace)]],
    );
    const cluster = {
      method: 'GET',
      path: '/apis/couchbase.com/v2/namespaces/map-drain/couchbaseclusters/cb',
    } as const;
    for (const object of [namespace, await rig.client.json(cluster)]) {
      assert.equal(writersOf(object).includes('reschedule-hook'), false);
    }

    await scene.until('the last prune', async () => (await scene.configMap()) === undefined);
    const moved = () => linesOf(LOG.rescheduled, 'map-drain').map(({ pod }) => pod);
    await scene.until('a line for each', () => moved().length === 3);
    assert.deepEqual(moved().sort(), ['cb-0000', 'cb-0001', 'cb-0002'], 'reported once each');
    assert.deepEqual(linesOf(LOG.untracked, 'map-drain'), []);
  });

  test('both create the ConfigMap at the same moment: there is one, and it has every entry', async () => {
    await using scene = await aScene({ rig, hook: 'maps', namespace: 'map-race', size: 6 });
    await scene.operator.pause();
    await scene.cordon(scene.node(1));
    const names = (await scene.pods()).map(({ name }) => name).sort();
    await Promise.all(names.flatMap((name) => [evictUntil(scene, name, /marked|annotation/i), evict(scene, name)]));
    await Promise.all(names.map((name) => scene.untilMarked(name)));
    assert.deepEqual(
      await keysOf(scene),
      names.map((name) => `map-race.${name}`),
    );
    scene.operator.resume();
    assert.equal((await scene.drain(scene.node(1))).code, 0);
    assert.deepEqual(scene.moves, names);
  });

  test('one that is full: pods are marked without an entry, and the drain ends', async () => {
    await using scene = await aScene({ rig, hook: 'maps', namespace: 'map-full' });
    const name = 'reschedule-hook.map-full';
    const labels = { 'reschedule.hook/installation': 'reschedule-hook' };
    const owner = { apiVersion: 'v1', kind: 'Namespace', name: 'map-full', uid: uidOf(await namespaceOf(scene)) };
    await rig.client.json({
      method: 'POST',
      path: `/api/v1/namespaces/${SYSTEM_NAMESPACE}/configmaps`,
      body: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, labels, ownerReferences: [owner] },
        data: { full: 'x'.repeat(2 ** 20 - 10) },
      },
    });
    const { code, stderr } = await scene.drain(scene.node(1));
    assert.equal(code, 0, stderr);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    const [line] = await untilSaid(replicas, LOG.untracked, 1, ({ namespace }) => namespace === 'map-full');
    assert.match(String(line?.why), /the tracking resource refuses entries: .*Too long/);
  });

  test('a tenant who may edit all of its own namespace can neither read, change nor delete it', async () => {
    await using scene = await aScene({ rig, hook: 'maps', namespace: 'map-tenant' });
    await scene.operator.pause();
    await scene.cordon(scene.node(1));
    await evictUntil(scene, 'cb-0000', MARKED);
    const kubectl = async (...args: string[]) => (await rig.controlPlane.kubectl(args)).stderr;
    const admin = ['--clusterrole=admin', '--user=tenant', '--namespace=map-tenant'];
    assert.equal(await kubectl('create', 'rolebinding', 'tenant', ...admin), '');
    const own = ['--as=tenant', '--namespace=map-tenant'];
    assert.equal(await kubectl('create', 'configmap', 'reschedule-hook.map-tenant', ...own), '');
    const hooks = ['reschedule-hook.map-tenant', '--as=tenant', `--namespace=${SYSTEM_NAMESPACE}`];
    for (const args of [
      ['get', 'configmap', ...hooks],
      ['delete', 'configmap', ...hooks],
      ['patch', 'configmap', ...hooks, '--type=merge', '-p', '{"data":null}'],
    ]) {
      assert.match(await kubectl(...args), /Error from server \(Forbidden\): .* User "tenant" cannot/);
    }
    // Not even the ConfigMap of that name in its own namespace counts.
    assert.deepEqual(await keysOf(scene), ['map-tenant.cb-0000']);
  });

  test('a namespace that is recreated under its name starts empty (S8)', async () => {
    await using scene = await aScene({ rig, hook: 'maps', namespace: 'map-again' });
    await scene.operator.pause();
    await scene.cordon(scene.node(1));
    await evictUntil(scene, 'cb-0000', MARKED);
    const before = await scene.configMap();
    assert.ok(before !== undefined);
    const path = '/api/v1/namespaces/map-again';
    await rig.client.json({ method: 'DELETE', path });
    await scene.until('the namespace to be gone', () => isGone(path));
    await createNamespace(rig.client, 'map-again', { [HOOK_LABEL]: 'maps' });
    await scene.cordon(scene.node(1), false);
    await createCluster(rig.client, { namespace: 'map-again', name: 'cb', size: 2, process: 'InPlaceUpgrade' });
    scene.operator.resume();
    await waitForMembers(rig.client, { namespace: 'map-again', cluster: 'cb', size: 2 });
    await scene.operator.pause();

    // By name, as a drainer that asks for the pod of the earlier namespace: 404 would end the drain of the present one.
    await evictUntil(scene, 'cb-0000', MARKED);
    const now = await scene.until('a ConfigMap of the new namespace', async () => {
      const map = await scene.configMap();
      return map !== undefined && map.metadata.uid !== before.metadata.uid && map;
    });
    assert.equal(now.metadata.ownerReferences?.[0]?.uid, uidOf(await namespaceOf(scene)));
    const { uid } = JSON.parse(now.data?.['map-again.cb-0000'] ?? '') as { uid: string };
    assert.equal(uid, (await scene.pod('cb-0000'))?.uid);
  });

  test('the API server has been asked for nothing that the settings do not need, and for all that entries need', async () => {
    const home = { namespace: SYSTEM_NAMESPACE, installation: 'reschedule-hook' };
    const asVerb = ({ verb, group, resource }: Permission) => describePermission({ verb, group, resource });
    const permitted = permissionsOf({ tracking: createTracking({ type: 'configmap', also: [] }, home) }).map(asVerb);
    const always = permissionsOf({ tracking: NO_TRACKING }).map(asVerb);
    const forEntries = permitted.filter((one) => !always.includes(one));
    assert.equal(forEntries.length, 9);
    await until('everything to be asked for', async () => {
      const asked = audit.seen().filter((one) => one !== 'create selfsubjectaccessreviews.authorization.k8s.io');
      assert.deepEqual(
        asked.filter((one) => !permitted.includes(one)),
        [],
      );
      const missing = forEntries.filter((one) => !asked.includes(one));
      if (missing.length > 0) throw new NotYet(missing.join(', '));
    });
  });
});

async function isGone(path: string): Promise<boolean> {
  try {
    await rig.client.json({ method: 'GET', path });
    return false;
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return true;
    throw error;
  }
}

/** Each hook reconciles the entries of all namespaces, so no other may run beside those of a test. */
describe('the type of tracking is changed', () => {
  before(() => Promise.all(replicas.map((hook) => hook.stop())));

  for (const [from, to] of [
    ['couchbasecluster', 'configmap'],
    ['configmap', 'couchbasecluster'],
    ['namespace', 'configmap'],
  ] as const) {
    test(`from ${from} to ${to}: what was marked before has moved, though no process saw it, and its entries are pruned`, async (t) => {
      const namespace = `${from}-${to}`.replace('couchbasecluster', 'cluster');
      const hook = await rig.hook(namespace, { ...CHANGE, TRACKING_RESOURCE_TYPE: from });
      t.after(() => hook.stop());
      await using scene = await aScene({ rig, hook: namespace, namespace });
      await scene.operator.pause();
      await scene.cordon(scene.node(1));
      for (const name of ['cb-0000', 'cb-0001']) await evictUntil(scene, name, MARKED);
      hook.kill('SIGKILL');
      await hook.exited;
      scene.operator.resume();
      await scene.until('both to have moved', async () => {
        const nodes = (await scene.pods()).map(({ node }) => node);
        return nodes.length === 2 && !nodes.includes(scene.node(1)) && !nodes.includes(undefined);
      });

      await hook.start({ TRACKING_RESOURCE_TYPE: to, TRACKING_RETENTION: '30s' });
      const answer = await scene.until('an answer by name', async () => {
        const { code, message } = await evict(scene, 'cb-0000');
        return code === 404 && message;
      });
      assert.match(answer, MOVED);
      await scene.until('every entry to be pruned', async () => {
        const onMap = await keysOf(scene);
        const others = [await scene.entries(), await scene.namespaceEntries()].flatMap((one) => Object.keys(one));
        return onMap.length + others.length === 0;
      });
      assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
      // Of an earlier test there may be entries that it prunes, too.
      const pruned = await untilSaid([hook], LOG.rescheduled, 2, (line) => line.namespace === namespace);
      assert.deepEqual(pruned.map(({ pod }) => pod).sort(), ['cb-0000', 'cb-0001']);
    });
  }

  test('two replicas with different types, as during a rolling update: each pod moves once', async () => {
    const types = ['couchbasecluster', 'configmap'];
    const hooks = await pair('mixed', ...types.map((type) => ({ ...CHANGE, TRACKING_RESOURCE_TYPE: type })));
    await using scene = await aScene({ rig, hook: 'mixed', namespace: 'map-mixed', size: 6 });
    const names = (await scene.pods()).map(({ name }) => name).sort();
    const { code, stderr } = await scene.drain(scene.node(1));
    assert.equal(code, 0, stderr);
    assert.deepEqual(scene.moves, names);
    await scene.assertNobodyEvicted();
    const marked = hooks.map(({ lines }) => lines.filter(({ message }) => message === LOG.marked).length);
    assert.ok(
      marked.every((count) => count > 0),
      `each marked some: ${marked.join(' and ')}`,
    );
  });
});
