import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../../src/kube/client.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { describePermission, permissionsOf } from '../../../src/kube/permissions.ts';
import { createWrites } from '../../../src/kube/writes.ts';
import { LOG } from '../../../src/log/messages.ts';
import { createTracking } from '../../../src/policy/tracking/index.ts';
import { installClusterDefinition, resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createNamespace, createPdb, createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { listPods } from '../../../testkit/pods.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { type Audit, anAudit } from '../support/audit.ts';
import { evict, evictUntil, MARKED, metric } from '../support/evict.ts';
import { SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { HOOK_LABEL, type Rig, type RunningHook, startRig } from '../support/rig.ts';

const VITESS = { 'planetscale.com/component': 'vttablet' };
const DRAIN = 'drain.planetscale.com';
const POSTGRES_CLUSTER = {
  group: 'postgres-operator.crunchydata.com',
  version: 'v1beta1',
  kind: 'PostgresCluster',
  plural: 'postgresclusters',
};
const PGO = POSTGRES_CLUSTER.group;
const TRIGGER = `${PGO}/trigger-switchover`;
const CAREFUL = 'example.com/move';
const FILE = `profiles:
  - name: careful
    selector: app=careful
    mark: {annotation: ${CAREFUL}, value: "true"}
    names: new
    respectBudgets: true
  - {name: vitess-tablet, stallAfter: 2s}
  - {name: pgo-primary}
`;

let audit: Audit;
let rig: Rig;
let hook: RunningHook;

before(async () => {
  audit = anAudit();
  rig = await startRig({ installCrd: false, controlPlane: { apiServerArgs: audit.apiServerArgs } });
  await installClusterDefinition(rig.client, POSTGRES_CLUSTER);
  const dir = await mkdtemp(join(tmpdir(), 'reschedule-hook-test-'));
  rig.atStop(() => rm(dir, { recursive: true }));
  const file = join(dir, 'profiles.yaml');
  await writeFile(file, FILE);
  const env = {
    PROFILES: 'careful,vitess-tablet,pgo-primary',
    PROFILES_FILE: file,
    TRACKING_RESOURCE_TYPE: 'namespace',
  };
  hook = await rig.hook('other-ways', env, ['respect-budgets']);
});

after(async () => {
  await rig?.stop();
  audit?.remove();
});

/** A namespace that the hook is asked about, with Ready pods. */
async function aPlace(namespace: string, names: readonly string[], labels: Record<string, string>, annotations = {}) {
  await createNamespace(rig.client, namespace, { [HOOK_LABEL]: 'other-ways' });
  for (const name of names) await createPod(rig.client, { namespace, name, labels, annotations });
  for (const name of names) await waitForPod(rig.client, { namespace, name });
  return { rig, namespace };
}

async function merge(path: string, body: object): Promise<JsonObject> {
  return rig.client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
}

const podsOf = (namespace: string) => listPods(rig.client, namespace);
const uidOf = async (namespace: string, name: string) =>
  (await podsOf(namespace)).find((pod) => pod.name === name)?.uid ?? '';
const logged = (message: string, namespace: string) =>
  hook.lines.find((line) => line.message === message && line.namespace === namespace);

async function untilGone(namespace: string, uid: string): Promise<void> {
  await until('the pod to go', async () => {
    if ((await podsOf(namespace)).some((pod) => pod.uid === uid)) throw new NotYet('it is there');
  });
}

async function untilLogged(message: string, namespace: string) {
  return until(message, async () => {
    const line = logged(message, namespace);
    if (line === undefined) throw new NotYet('no such line');
    return line;
  });
}

describe('an operator that reports', { concurrency: 3 }, () => {
  test('the hook evicts the pod by itself: nobody else gets through, and its disruption budget counts', async () => {
    const namespace = 'tablets';
    const here = await aPlace(namespace, ['zone-1'], VITESS, { [`${DRAIN}/supported`]: 'true' });
    await createPdb(rig.client, { namespace, cluster: 'shard', size: 2, matchLabels: VITESS });
    const uid = await uidOf(namespace, 'zone-1');
    await evictUntil(here, 'zone-1', MARKED);
    await merge(podPath(namespace, 'zone-1'), { metadata: { annotations: { [`${DRAIN}/finished`]: 'now' } } });
    const refused = await untilLogged(LOG.evictionRefused, namespace);
    assert.match(String(refused.why), /disruption budget/);
    await evictUntil(here, 'zone-1', /its operator reports that it may go, and the hook evicts it/, { uid });
    const stalled = await untilLogged(LOG.stalled, namespace);
    assert.equal(stalled.hindrance, 'EvictionRefused');
    const path = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/shard-pdb`;
    await rig.client.json({ method: 'DELETE', path });
    await untilGone(namespace, uid);
    assert.equal((await untilLogged(LOG.evicted, namespace)).uid, uid);
    assert.ok((await metric(hook, 'reschedule_hook_own_evictions_total', /evicted/)) >= 1);
    assert.ok((await metric(hook, 'reschedule_hook_decisions_total', /OwnEviction/)) >= 1);
    await createPod(rig.client, {
      namespace,
      name: 'zone-1',
      labels: VITESS,
      annotations: { [`${DRAIN}/supported`]: 'true' },
    });
    await evictUntil(here, 'zone-1', /Pod has been rescheduled with the same name/);
  });

  test('an eviction names the version that was read: a report that is withdrawn ends nothing', async () => {
    const namespace = 'versions';
    await createNamespace(rig.client, namespace);
    await createPod(rig.client, { namespace, name: 'one', annotations: { finished: 'now' } });
    await waitForPod(rig.client, { namespace, name: 'one' });
    const writes = createWrites(rig.client);
    const read = async () => {
      const { metadata } = await rig.client.json({ method: 'GET', path: podPath(namespace, 'one') });
      const { uid, resourceVersion } = metadata as { uid: string; resourceVersion: string };
      return { namespace, name: 'one', uid, resourceVersion };
    };
    const before = await read();
    await merge(podPath(namespace, 'one'), { metadata: { annotations: { finished: null } } });
    assert.deepEqual(await writes.evictPod(before), { kind: 'changed' });
    assert.deepEqual(await writes.evictPod({ ...(await read()), uid: 'other' }), { kind: 'changed' });
    const now = await read();
    assert.deepEqual(await writes.evictPod(now), { kind: 'evicted' });
    await untilGone(namespace, now.uid);
    assert.deepEqual(await writes.evictPod(now), { kind: 'changed' });
  });
});

describe('a request on another object', () => {
  test('is written once, and the pod is let go once it has lost its role', async () => {
    const namespace = 'postgres';
    const labels = { [`${PGO}/data`]: 'postgres', [`${PGO}/cluster`]: 'hippo' };
    const here = await aPlace(namespace, ['hippo-0'], { ...labels, [`${PGO}/role`]: 'master' });
    await evictUntil(here, 'hippo-0', /there is no PostgresCluster hippo/);
    const path = resourcePath(POSTGRES_CLUSTER, namespace, 'hippo');
    const metadata = { namespace, name: 'hippo' };
    const object = { apiVersion: `${PGO}/v1beta1`, kind: 'PostgresCluster', metadata, spec: { size: 2 } };
    await rig.client.json({ method: 'POST', path: resourcePath(POSTGRES_CLUSTER, namespace), body: object });
    await evictUntil(here, 'hippo-0', /PostgresCluster hippo is not asked: SwitchoverDisabled/);
    const triggerOf = async () => {
      const { metadata } = await rig.client.json({ method: 'GET', path });
      return (metadata as { annotations?: Record<string, string> }).annotations?.[TRIGGER];
    };
    assert.equal(await triggerOf(), undefined);
    await merge(path, { spec: { patroni: { switchover: { enabled: true } } } });
    await evictUntil(here, 'hippo-0', /its move is asked for on PostgresCluster hippo/);
    const value = await triggerOf();
    assert.match(value ?? '', new RegExp(`^${await uidOf(namespace, 'hippo-0')}\\.20\\d\\d-`));
    await evictUntil(here, 'hippo-0', /its move was asked for .* ago on PostgresCluster hippo/);
    await merge(path, { status: { patroni: { switchover: value } } });
    await evictUntil(here, 'hippo-0', /that says that it is done/);
    assert.equal(await triggerOf(), value);
    await merge(podPath(namespace, 'hippo-0'), { metadata: { labels: { [`${PGO}/role`]: 'replica' } } });
    await evictUntil(here, 'hippo-0', /^$/);
  });
});

describe('respectBudgets', () => {
  test('one pod is marked where one may go, and the next once another one has taken its place', async () => {
    const namespace = 'careful';
    const labels = { app: 'careful', other: 'label' };
    const names = ['m-0', 'm-1', 'm-2'];
    const here = await aPlace(namespace, names, labels);
    await createPdb(rig.client, { namespace, cluster: 'm', size: 3, matchLabels: { other: 'label' } });
    await evictUntil(here, 'm-0', MARKED);
    const full = /PodDisruptionBudget m-pdb allows no disruption/;
    assert.match((await evict(here, 'm-1')).message, full);
    await rig.client.json({ method: 'DELETE', path: podPath(namespace, 'm-0') });
    await untilGone(namespace, await uidOf(namespace, 'm-0'));
    assert.match((await evict(here, 'm-1')).message, full);
    await createPod(rig.client, { namespace, name: 'm-3', labels });
    await waitForPod(rig.client, { namespace, name: 'm-3' });
    await evictUntil(here, 'm-1', MARKED);
    assert.match((await evict(here, 'm-2')).message, full);
  });
});

test('the API server has been asked for nothing that these profiles do not need, and for what they need besides', async () => {
  const tracking = createTracking({ type: 'namespace', also: [] }, { namespace: SYSTEM_NAMESPACE, installation: 'x' });
  const requests = [{ group: PGO, plural: POSTGRES_CLUSTER.plural }];
  const needs = { requests, respectsBudgets: true, evicts: true };
  const permitted = permissionsOf({ tracking, ...needs }).map(describePermission);
  const always = permissionsOf({ tracking }).map(describePermission);
  // Every account may ask what it may do, who it is, and what the API server serves (which has no resource in the log).
  const isFree = (one: string) => one === 'get ' || /^create selfsubject(access)?reviews\./.test(one);
  const asked = audit.seen().filter((one) => !isFree(one));
  assert.deepEqual(
    asked.filter((one) => !permitted.includes(one)),
    [],
  );
  assert.deepEqual(
    permitted.filter((one) => !always.includes(one) && !asked.includes(one)),
    [],
  );
});
