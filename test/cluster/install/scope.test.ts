import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../../src/kube/client.ts';
import { registrationPath } from '../../../src/kube/paths.ts';
import { LOG } from '../../../src/log/messages.ts';
import { createNamespace, createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { untilTrue } from '../../support/until-true.ts';
import { type EvictionAnswer, evict, metric } from '../support/evict.ts';
import { type Installation, install } from '../support/installation.ts';
import { keepEvicting } from '../support/keep-evicting.ts';
import { SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { said } from '../support/told.ts';

const PATH = registrationPath(`reschedule-hook.${SYSTEM_NAMESPACE}`);
const DECISIONS = 'reschedule_hook_decisions_total';
const UNPROTECTED = 'reschedule_hook_unprotected_seconds_total';
const CORRECTIONS = 'reschedule_hook_registration_corrections_total';
const OPT_IN = 'reschedule.hook/protect';
const MEMBERS = ['cb-0000', 'cb-0001'];

/** The settings that are changed, one after another, and what the registration says by them. */
const ALL = { PROTECT_NAMESPACES: 'all' };
const USED = { PROTECT_NAMESPACES: 'used' };
const LABELLED = { PROTECT_NAMESPACES: `${OPT_IN}=true` };
const IGNORING = { PROTECT_NAMESPACES: 'all', FAILURE_POLICY: 'Ignore' };
const NOT_OURS = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', SYSTEM_NAMESPACE] };
const named = (...values: string[]) => [{ key: 'kubernetes.io/metadata.name', operator: 'In', values }];

let rig: Rig;
let installation: Installation;
let replicas: HookProcess[] = [];
const ended: HookProcess[] = [];

before(async () => {
  rig = await startRig({ controlPlane: { nodes: 2 } });
  // Longer than the Service takes to forget a replica, and shorter than in the manifest.
  installation = await install(rig, { SHUTDOWN_DELAY: '8s' });
  await createNamespace(rig.client, 'members', { [OPT_IN]: 'true' });
  for (const name of MEMBERS) await aPod('members', name, 'couchbase');
  await createNamespace(rig.client, 'others');
  await aPod('others', 'other', 'web');
  replicas = await Promise.all([installation.startReplica(ALL), installation.startReplica(ALL)]);
  await installation.untilAsked();
});

after(() => rig?.stop());

async function aPod(namespace: string, name: string, app: string): Promise<void> {
  await createPod(rig.client, { namespace, name, labels: { app } });
  await waitForPod(rig.client, { namespace, name });
}

async function webhook(): Promise<JsonObject> {
  const { webhooks } = await rig.client.json({ method: 'GET', path: PATH });
  const [first, ...more] = (webhooks ?? []) as JsonObject[];
  assert.deepEqual(more, []);
  return first ?? {};
}

const selected = async () => ((await webhook()).namespaceSelector as { matchExpressions: object[] }).matchExpressions;

/** Whether the hook is asked about evictions in that namespace: otherwise the API server itself has no such pod. */
async function isAsked(namespace: string): Promise<boolean> {
  const { code, message } = await evict({ rig, namespace }, 'nobody');
  assert.equal(code, 404, message);
  return /denied the request: Pod has been rescheduled/.test(message);
}

const other = (answers: readonly EvictionAnswer[], code: number) => answers.filter((one) => one.code !== code);

/** Asks all the while that `act` runs, about protected pods and about one that is not: none fails, and none gets through. */
async function underEvictions(act: () => Promise<unknown>): Promise<number> {
  const members = keepEvicting(rig, 'members', MEMBERS, { everyMs: 50 });
  const others = keepEvicting(rig, 'others', ['other'], { everyMs: 50, dryRun: true });
  const all = [members, others];
  await Promise.all(all.map((one) => one.untilMore(20)));
  await act();
  await Promise.all(all.map((one) => one.untilMore(20)));
  await Promise.all(all.map((one) => one.stop()));
  assert.deepEqual(other(members.answers, 429), []);
  assert.deepEqual(other(others.answers, 201), []);
  return members.answers.length + others.answers.length;
}

/** As a Deployment does it: one more that is ready, and then one of before ends. */
async function rollTo(env: Readonly<Record<string, string>>): Promise<void> {
  for (const old of [...replicas]) {
    const next = await installation.startReplica(env);
    await installation.service.untilReady(next.webhookPort);
    replicas = [...replicas.slice(1), next];
    ended.push(old);
    const exit = await installation.endReplica(old);
    assert.deepEqual(exit, { code: 0, signal: null });
  }
}

async function killAll(): Promise<void> {
  for (const replica of replicas) replica.kill('SIGKILL');
  await Promise.all(replicas.map((replica) => replica.exited));
}

/** As the kubelet starts a container again, in its Pod. */
async function startAll(): Promise<void> {
  await Promise.all(replicas.map((replica) => replica.start()));
  await Promise.all(replicas.map((replica) => installation.service.untilReady(replica.webhookPort)));
}

const untilSelected = (wanted: readonly object[]) =>
  untilTrue(`the registration to have ${JSON.stringify(wanted)}`, async () => {
    return JSON.stringify(await selected()) === JSON.stringify(wanted);
  });

describe('PROTECT_NAMESPACES=used', () => {
  test('from all to used, one replica after another: no eviction fails, and none of a protected pod gets through', async (t) => {
    assert.deepEqual(await selected(), [NOT_OURS]);
    assert.ok(await isAsked('others'));
    const asked = await underEvictions(async () => {
      await rollTo(USED);
      await untilSelected(named('members'));
    });
    t.diagnostic(`${asked} evictions`);
  });

  test('evictions in other namespaces never reach the hook', async () => {
    const decided = () => Promise.all(replicas.map((replica) => metric(replica, DECISIONS)));
    const before = await decided();
    const asking = keepEvicting(rig, 'others', ['other', 'nobody'], { dryRun: true });
    await asking.untilMore(100);
    await asking.stop();
    assert.deepEqual(await decided(), before);
    assert.ok(await isAsked('members'), 'as opposed to these');
    assert.notDeepEqual(await decided(), before);
  });

  test("a new namespace's first protected pod: it is registered at once, and nobody takes that for a foreign hand", async (t) => {
    await createNamespace(rig.client, 'new');
    await aPod('new', 'web', 'web');
    assert.equal(await isAsked('new'), false);
    const since = performance.now();
    await createPod(rig.client, { namespace: 'new', name: 'cb-0000', labels: { app: 'couchbase' } });
    // A replica that nobody wakes looks after a minute.
    await untilTrue('the hook to be asked', () => isAsked('new'), { everyMs: 5 });
    t.diagnostic(`asked ${(performance.now() - since).toFixed(0)} ms after the pod was created`);
    await waitForPod(rig.client, { namespace: 'new', name: 'cb-0000' });
    assert.equal((await evict({ rig, namespace: 'new' }, 'cb-0000')).code, 429);
    assert.deepEqual(await selected(), named('members', 'new'));
    for (const replica of replicas) {
      assert.equal(await metric(replica, CORRECTIONS), 0);
      // Else the alert would fire whenever somebody creates a cluster.
      assert.equal(await metric(replica, UNPROTECTED), 0);
    }
    assert.deepEqual(said(replicas, LOG.registrationCorrected), []);
  });

  test('killed, it stops no eviction elsewhere; of protected pods none gets through; started again, it knows all', async () => {
    await killAll();
    const elsewhere = keepEvicting(rig, 'others', ['other'], { dryRun: true });
    const members = keepEvicting(rig, 'members', MEMBERS);
    await Promise.all([elsewhere.untilMore(50), members.untilMore(20)]);
    const failed = other(members.answers, 500);
    assert.deepEqual(failed, []);
    assert.match(members.answers.at(-1)?.message ?? '', /failed calling webhook/);
    assert.deepEqual(await selected(), named('members', 'new'));
    // What decision 7 says that it costs.
    await createNamespace(rig.client, 'meanwhile');
    await aPod('meanwhile', 'cb-0000', 'couchbase');
    assert.equal(await isAsked('meanwhile'), false);
    await members.stop();

    await startAll();
    await untilSelected(named('meanwhile', 'members', 'new'));
    await untilTrue('the hook to be asked', () => isAsked('meanwhile'));
    for (const namespace of ['members', 'new', 'meanwhile']) {
      assert.equal((await evict({ rig, namespace }, 'cb-0000')).code, 429);
    }
    await elsewhere.stop();
    assert.deepEqual(other(elsewhere.answers, 201), []);
    assert.equal((await evict({ rig, namespace: 'others' }, 'other')).code, 201);
    await aPodAgain('others', 'other', 'web');
  });
});

/** Its name may be that of one that is ending still. */
async function aPodAgain(namespace: string, name: string, app: string): Promise<void> {
  await untilTrue('the pod of before to be gone', async () => {
    const { code } = await evict({ rig, namespace }, name, { dryRun: true });
    return code === 404;
  });
  await aPod(namespace, name, app);
}

describe('PROTECT_NAMESPACES as a label selector', () => {
  test('from used to that, one replica after another: no eviction fails, and none of a protected pod gets through', async (t) => {
    const asked = await underEvictions(async () => {
      await rollTo(LABELLED);
      await untilSelected([NOT_OURS, { key: OPT_IN, operator: 'In', values: ['true'] }]);
    });
    t.diagnostic(`${asked} evictions`);
  });

  test('only namespaces with the label are covered, from the moment that they have it', async () => {
    assert.ok(await isAsked('members'));
    for (const namespace of ['others', 'new', 'meanwhile']) assert.equal(await isAsked(namespace), false, namespace);
    const label = (value: string | null) =>
      rig.client.json({
        method: 'PATCH',
        path: '/api/v1/namespaces/new',
        contentType: 'application/merge-patch+json',
        body: { metadata: { labels: { [OPT_IN]: value } } },
      });
    await label('true');
    await untilTrue('the hook to be asked', () => isAsked('new'));
    assert.equal((await evict({ rig, namespace: 'new' }, 'cb-0000')).code, 429);
    await label('false');
    await untilTrue('the hook not to be asked', async () => !(await isAsked('new')));
    assert.equal((await evict({ rig, namespace: 'meanwhile' }, 'cb-0000')).code, 201, 'nobody has labelled it');
  });

  test('killed, it stops no eviction elsewhere, and of protected pods none gets through', async () => {
    await killAll();
    assert.equal((await evict({ rig, namespace: 'others' }, 'other', { dryRun: true })).code, 201);
    assert.equal((await evict({ rig, namespace: 'members' }, 'cb-0000')).code, 500);
    await startAll();
    assert.equal((await evict({ rig, namespace: 'members' }, 'cb-0000')).code, 429);
  });
});

describe('FAILURE_POLICY', () => {
  test('Ignore: while a replica lives a protected pod stays, and with all of them dead it is evicted', async (t) => {
    const asked = await underEvictions(async () => {
      await rollTo(IGNORING);
      await untilSelected([NOT_OURS]);
    });
    t.diagnostic(`${asked} evictions`);
    assert.equal((await webhook()).failurePolicy, 'Ignore');
    await killAll();
    for (const [namespace, name] of [
      ['new', 'cb-0000'],
      ['others', 'other'],
    ] as const) {
      assert.equal((await evict({ rig, namespace }, name)).code, 201, `${namespace}/${name}`);
    }
    await startAll();
    assert.equal((await evict({ rig, namespace: 'members' }, 'cb-0000')).code, 429);
    await aPodAgain('others', 'other', 'web');
  });

  test('Fail: with all of them dead nothing is evicted, but in kube-system and its own namespace', async (t) => {
    const asked = await underEvictions(async () => {
      await rollTo(ALL);
      await untilTrue('Fail', async () => (await webhook()).failurePolicy === 'Fail');
    });
    t.diagnostic(`${asked} evictions`);
    await killAll();
    for (const [namespace, name] of [
      ['members', 'cb-0000'],
      ['others', 'other'],
    ] as const) {
      assert.equal((await evict({ rig, namespace }, name)).code, 500, `${namespace}/${name}`);
    }
    for (const namespace of ['kube-system', SYSTEM_NAMESPACE]) assert.equal(await isAsked(namespace), false);
    await startAll();
    assert.equal((await evict({ rig, namespace: 'members' }, 'cb-0000')).code, 429);
  });

  test('all these changes were nobody else, and cost one write each', () => {
    const all = [...ended, ...replicas];
    assert.deepEqual(said(all, LOG.registrationCorrected), []);
    assert.deepEqual(said(all, LOG.bundleCorrected), []);
    // Five settings, and two namespaces.
    assert.equal(said(all, LOG.registrationFilled).length, 7);
  });
});
