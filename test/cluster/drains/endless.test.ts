import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { nodePath, podPath, registrationPath } from '../../../src/kube/paths.ts';
import { managedBy } from '../../../testkit/connect.ts';
import { COUCHBASE_CLUSTER, resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import type { ClusterOptions } from '../../../testkit/couchbase/workload.ts';
import { prepareBehindGate } from '../support/behind-gate.ts';
import { HASTY, putClockOn } from '../support/called-off.ts';
import { eventsOf } from '../support/events.ts';
import { type EvictionAnswer, evict, evictInTime, evictUntil, MARKED, metric } from '../support/evict.ts';
import { HOOK_LABEL, type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { addNode, aScene, type Scene } from '../support/scene.ts';
import { untilMetric } from '../support/told.ts';
import { RESCHEDULE } from '../support/ward.ts';

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

const TOLERATES_CORDON = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }];
const REGISTRATIONS = 'validatingwebhookconfigurations';
const STALLED_PODS = 'reschedule_hook_stalled_pods';
const ENTRIES = 'reschedule_hook_entries';

/** A scene of one member that runs on its first node only. */
function aPinnedMember(name: string, { tolerates = false, cluster = {} as Partial<ClusterOptions> } = {}) {
  const hostname = `${name}-1`;
  const manifest = (pod: { readonly spec: Record<string, unknown> }) => ({
    ...pod,
    spec: {
      ...pod.spec,
      nodeSelector: { 'kubernetes.io/hostname': hostname },
      ...(tolerates ? { tolerations: TOLERATES_CORDON } : {}),
    },
  });
  const operator = { manifest: manifest as never };
  return aScene({ rig, hook: name, namespace: name, nodes: 1, size: 1, pdb: false, cluster, operator });
}

async function eventOf(scene: Scene, wanted: RegExp): Promise<void> {
  await scene.until(`an Event like ${wanted}`, async () =>
    (await eventsOf(scene)).some(({ reason, message }) => reason === 'RescheduleStalled' && wanted.test(message)),
  );
}

/** Another hook, which knows only what the API server has. */
async function replaceHook(scene: Scene, old: RunningHook, name: string, env: Record<string, string> = {}) {
  const next = await rig.hook(name, env);
  const gone = () => metric(next, 'reschedule_hook_decisions_total', /reason="PodGone"/);
  const before = await gone();
  await patch(`/api/v1/namespaces/${scene.namespace}`, { metadata: { labels: { [HOOK_LABEL]: name } } }, 'test');
  await scene.until('the next hook to be asked', async () => {
    await evict(scene, 'nobody');
    return (await gone()) > before;
  });
  await old.stop();
  return next;
}

/** The operator stands still meanwhile: it may move a pod before anybody has heard of its mark. */
async function evictUntilMarked(scene: Scene, pod: string): Promise<void> {
  await scene.operator.pause();
  await evictUntil(scene, pod, MARKED);
  scene.operator.resume();
}

/** Evicts as a drainer that goes on although the pod is gone for a moment. */
async function evictOnUntil(scene: Scene, pod: string, wanted: RegExp): Promise<EvictionAnswer> {
  return scene.until(`an answer like ${wanted}`, async () => {
    const answer = await evict(scene, pod);
    return wanted.test(answer.message) && answer;
  });
}

/** Times are whole seconds: a pod that is bound in the second of the cordon does not count as having come back. */
async function untilCordonIsOlder(scene: Scene): Promise<void> {
  await scene.until('the second of the cordon to be over', async () => {
    const { spec } = (await rig.client.json({ method: 'GET', path: nodePath(scene.node(1)) })) as {
      spec: { taints?: { timeAdded?: string }[] };
    };
    return spec.taints?.some(({ timeAdded = '' }) => Date.now() >= Date.parse(timeAdded) + 1_000);
  });
}

/** A pod that was bound within ten seconds of a cordon may have been bound after it. Returns its node. */
async function untilBoundBeforeTheCordon(scene: Scene, pod: string): Promise<string> {
  return scene.until(`${pod} to have been bound for a while`, async () => {
    const { spec, status } = (await rig.client.json({ method: 'GET', path: podPath(scene.namespace, pod) })) as {
      spec: { nodeName?: string };
      status: { conditions?: { type: string; lastTransitionTime: string }[] };
    };
    const bound = status.conditions?.find(({ type }) => type === 'PodScheduled');
    return bound !== undefined && Date.now() > Date.parse(bound.lastTransitionTime) + 11_000 && spec.nodeName;
  });
}

/** Evicts whichever member there is, as a drainer that lists the node anew, until it is told something like this. */
async function evictAnyUntil(scene: Scene, wanted: RegExp): Promise<string> {
  return scene.until(`an answer like ${wanted}`, async () => {
    for (const { name } of await scene.pods()) {
      const { message } = await evict(scene, name);
      if (wanted.test(message)) return name;
    }
    return undefined;
  });
}

const patch = (path: string, body: object, manager: string) =>
  managedBy(rig.client, manager).json({
    method: 'PATCH',
    path,
    contentType: 'application/merge-patch+json',
    body,
  });

describe('drains that would never end, on the real control plane', () => {
  // The first one: a hook counts the entries of every namespace.
  test('a member that moved to a node that is drained, too: its sign may be away for a moment (S3)', async () => {
    const hook = await rig.hook('fickle', { ...HASTY, TRACKING_RETENTION: '6m' });
    await using scene = await aScene({ rig, hook: 'fickle', namespace: 'fickle', size: 1, pdb: false });
    await scene.cordon(scene.node(1));
    await evictUntilMarked(scene, 'cb-0000');
    await evictOnUntil(scene, 'cb-0000', /with the same name/);
    const node = await untilBoundBeforeTheCordon(scene, 'cb-0000');
    await untilMetric(hook, ENTRIES, 1, /state="rescheduled"/);
    await scene.cordon(node);
    await untilMetric(hook, ENTRIES, 1, /state="unsettled"/);
    await scene.cordon(node, false);
    await untilMetric(hook, ENTRIES, 1, /state="rescheduled"/);

    const { code, message } = await evictInTime(scene, 'cb-0000');
    assert.match(message, new RegExp(`node ${node} was being drained until \\w+ ago, and that drain may go on`));
    assert.equal(code, 429);
    await putClockOn(hook);
    assert.equal((await evictUntil(scene, 'cb-0000', /with the same name/)).code, 404);
    assert.deepEqual(scene.moves, ['cb-0000']);
    await hook.stop();
  });

  test('a pod that tolerates the cordon: marked twice, then refused and reported; an uncordon starts over', async () => {
    const hook = await rig.hook('tolerant');
    await using scene = await aPinnedMember('tolerant', { tolerates: true });
    await scene.cordon(scene.node(1));
    await untilCordonIsOlder(scene);
    await evictOnUntil(scene, 'cb-0000', /it came back 2 times to node tolerant-1 while that was draining/);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0000']);
    await eventOf(scene, /came back 2 times to node tolerant-1/);
    await untilMetric(hook, STALLED_PODS, 1, /hindrance="ComesBack"/);

    const next = await replaceHook(scene, hook, 'tolerant-again');
    await evictUntil(scene, 'cb-0000', /it came back 2 times/);
    assert.equal(scene.moves.length, 2, 'the count survives a restart');

    await scene.cordon(scene.node(1), false);
    await untilMetric(next, STALLED_PODS, 0);
    await scene.operator.pause();
    await scene.cordon(scene.node(1));
    await evictUntil(scene, 'cb-0000', MARKED);
    await next.stop();
  });

  test('the same where names are new: the tracking resource counts for the node', async () => {
    const hook = await rig.hook('renamed');
    const cluster = { process: 'SwapRebalance' } as const;
    await using scene = await aPinnedMember('renamed', { tolerates: true, cluster });
    await scene.cordon(scene.node(1));
    await evictAnyUntil(scene, /came back 2 times to node renamed-1/);
    await eventOf(scene, /came back 2 times to node renamed-1/);
    const moves = scene.moves.length;
    // Times are whole seconds: moves within one second do not count.
    assert.ok(moves <= 6, `${moves} moves`);
    await hook.stop();
  });

  test('a successor that no node can take: since when and why, and reported', async () => {
    const hook = await rig.hook('pinned', { STALL_AFTER: '1s' });
    await using scene = await aPinnedMember('pinned');
    await scene.cordon(scene.node(1));
    await evictUntilMarked(scene, 'cb-0000');
    await evictOnUntil(
      scene,
      'cb-0000',
      /Pod waiting to be scheduled \(for \d+s; the scheduler says: 0\/\d+ nodes are av/,
    );
    await eventOf(scene, /was moved and cannot be scheduled .*the scheduler says/);
    await untilMetric(hook, STALLED_PODS, 1, /hindrance="Unschedulable"/);

    const lenient = await replaceHook(scene, hook, 'pinned-leniently', { REPLACEMENT_CONDITION: 'left' });
    const { code } = await evictUntil(scene, 'cb-0000', /Pod has been rescheduled with the same name/);
    assert.equal(code, 404);
    await lenient.stop();
  });

  test('a mark that is taken away each time: counted, reported, and by whom', async () => {
    const hook = await rig.hook('stripped', { STALL_AFTER: '20s' });
    await using scene = await aScene({ rig, hook: 'stripped', namespace: 'stripped', size: 1, pdb: false });
    await scene.operator.pause();
    const path = podPath('stripped', 'cb-0000');
    await scene.until('the third mark', async () => {
      const { message } = await evict(scene, 'cb-0000');
      await patch(path, { metadata: { annotations: { [RESCHEDULE]: null, touched: String(Date.now()) } } }, 'gitops');
      return /added to pod \([3-9] times in \w+, and each time the mark was taken away, probably by gitops/.test(
        message,
      );
    });
    await eventOf(scene, /marked \d+ times in \w+, and each time the mark was taken away, probably by gitops/);
    await untilMetric(hook, STALLED_PODS, 1, /hindrance="Unmarked"/);
    await hook.stop();
  });

  test("somebody else's mark of a member that has moved: the drain of its earlier node ends, by live reads", async () => {
    const { hook, gate } = await prepareBehindGate(rig, 'foreign');
    await hook.start();
    await rig.register('foreign', hook.url);
    await using scene = await aScene({ rig, hook: 'foreign', namespace: 'foreign', size: 1, pdb: false });
    await scene.cordon(scene.node(1));
    await evictUntilMarked(scene, 'cb-0000');
    await evictOnUntil(scene, 'cb-0000', /with the same name/);
    await scene.operator.pause();
    const mark = { metadata: { annotations: { [RESCHEDULE]: 'true' } } };
    await patch(podPath('foreign', 'cb-0000'), mark, 'kubectl-annotate');
    await evictUntil(scene, 'cb-0000', /with the same name/);

    const { node = '' } = (await scene.pod('cb-0000')) ?? {};
    const cluster = resourcePath(COUCHBASE_CLUSTER, 'foreign', 'cb');
    const restsOn = [podPath('foreign', 'cb-0000'), cluster, nodePath(node)];
    const before = gate.passed.length;
    assert.equal((await evict(scene, 'cb-0000')).code, 404);
    const read = gate.passed.slice(before).filter(({ method }) => method === 'GET');
    for (const path of restsOn) {
      assert.ok(
        read.some((one) => one.path === path),
        `${path} is read for this very answer`,
      );
      gate.rule = (one) => (one.path === path ? { kind: 'refuse', code: 403, body: {} } : undefined);
      assert.equal((await evict(scene, 'cb-0000')).code, 429, `nothing ends without ${path}`);
      gate.rule = () => undefined;
    }
    assert.equal((await evictUntil(scene, 'cb-0000', /with the same name/)).code, 404);
    await hook.stop();
  });

  test('a node that is replaced under its name is another node (S8)', async () => {
    const hook = await rig.hook('replaced');
    await using scene = await aPinnedMember('replaced');
    await scene.cordon(scene.node(1));
    await evictUntilMarked(scene, 'cb-0000');
    await evictOnUntil(scene, 'cb-0000', /waiting to be scheduled/);
    await rig.client.json({ method: 'DELETE', path: nodePath('replaced-1') });
    await addNode(rig, 'replaced-1', 'replaced', false);
    await scene.until('the member to run', async () => (await scene.pod('cb-0000'))?.node === 'replaced-1');
    const { code } = await evictUntil(scene, 'cb-0000', /with the same name/);
    assert.equal(code, 404);
    assert.deepEqual(scene.moves, ['cb-0000']);
    await hook.stop();
  });

  test('two installations that select one pod: the second refuses without a mark, and names the first', async () => {
    const install = (name: string) => {
      const metadata = { name, labels: { 'app.kubernetes.io/name': 'reschedule-hook' } };
      const body = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration', metadata };
      return rig.client.json({ method: 'POST', path: `/apis/${body.apiVersion}/${REGISTRATIONS}`, body });
    };
    await Promise.all([install('first'), install('second')]);
    const first = await rig.hook('shared', { WEBHOOK_CONFIGURATION: 'first' });
    await using scene = await aScene({ rig, hook: 'shared', namespace: 'shared', size: 1, pdb: false });
    await scene.operator.pause();
    await evictUntil(scene, 'cb-0000', MARKED);
    const second = await replaceHook(scene, first, 'shared-by-two', { WEBHOOK_CONFIGURATION: 'second' });
    await patch(podPath('shared', 'cb-0000'), { metadata: { annotations: { [RESCHEDULE]: null } } }, 'gitops');
    await evictUntil(
      scene,
      'cb-0000',
      /the installation first of this hook has an entry for it on CouchbaseCluster cb/,
    );
    assert.equal((await scene.pod('cb-0000'))?.annotations[RESCHEDULE], undefined);

    await rig.client.json({ method: 'DELETE', path: registrationPath('first') });
    await evictUntil(scene, 'cb-0000', MARKED);
    await second.stop();
  });

  test('MARK_WHEN=draining: no mark on a node that nobody drains', async () => {
    const hook = await rig.hook('calm', { MARK_WHEN: 'draining' });
    await using scene = await aScene({ rig, hook: 'calm', namespace: 'calm', size: 1, pdb: false });
    await evictUntil(scene, 'cb-0000', /nobody drains node calm-1, and MARK_WHEN=draining/);
    assert.equal((await scene.pod('cb-0000'))?.annotations[RESCHEDULE], undefined);
    await scene.cordon(scene.node(1));
    await evictUntil(scene, 'cb-0000', MARKED);
    await hook.stop();
  });
});
