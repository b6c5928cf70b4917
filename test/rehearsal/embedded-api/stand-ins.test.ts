import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type EmbeddedCluster, startEmbedded } from '../../../rehearsal/embedded-api/cluster.ts';
import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import { nodePath, podPath } from '../../../src/kube/paths.ts';
import { type Connected, connect } from '../../../testkit/connect.ts';
import { createDeployment, createNamespace, createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { listPods, type PodView } from '../../../testkit/pods.ts';
import { NotYet, until } from '../../../testkit/until.ts';

let cluster: EmbeddedCluster;
let connected: Connected;
let client: ApiClient;
let count = 0;

before(async () => {
  cluster = await startEmbedded({ nodes: 3 });
  connected = await connect(cluster.kubeconfigPath);
  client = connected.client;
});
after(async () => {
  await connected?.close();
  await cluster?.stop();
});

async function aNamespace(): Promise<string> {
  const name = `ns-${++count}`;
  await createNamespace(client, name);
  return name;
}

const merge = (path: string, body: object) =>
  client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });

const cordon = (node: string, unschedulable: boolean) => merge(nodePath(node), { spec: { unschedulable } });

/** Why a pod is not scheduled. */
async function whyNot(namespace: string, name: string): Promise<string> {
  return until(`${name} to be refused`, async () => {
    const { status } = await client.json({ method: 'GET', path: podPath(namespace, name) });
    const { conditions = [] } = status as { conditions?: { type: string; status: string; message?: string }[] };
    const refused = conditions.find((one) => one.type === 'PodScheduled' && one.status === 'False');
    if (refused?.message === undefined) throw new NotYet('it is not');
    return refused.message;
  });
}

async function untilPods(namespace: string, isAsWanted: (pods: readonly PodView[]) => boolean): Promise<PodView[]> {
  return until('the pods', async () => {
    const pods = await listPods(client, namespace);
    if (!isAsWanted(pods)) throw new NotYet(pods.map(({ name, phase }) => `${name} ${phase}`).join(', '));
    return pods;
  });
}

const isReady = ({ ready }: PodView) => ready;

describe('the scheduler', () => {
  test('leaves cordoned nodes alone, and binds once there is room', async () => {
    const namespace = await aNamespace();
    for (const node of cluster.nodes) await cordon(node, true);
    await createPod(client, { namespace, name: 'a' });
    assert.equal(await whyNot(namespace, 'a'), '0/3 nodes are available: 3 node(s) were unschedulable.');
    await cordon('node-2', false);
    assert.equal((await waitForPod(client, { namespace, name: 'a' })).node, 'node-2');
    for (const node of cluster.nodes) await cordon(node, false);
  });

  test('obeys taints, selectors and the number of pods that a node takes', async () => {
    const namespace = await aNamespace();
    await merge(nodePath('node-1'), { metadata: { labels: { disk: 'fast' } } });
    const spec = { nodeSelector: { disk: 'fast' } };
    await createPod(client, { namespace, name: 'a', spec });
    assert.equal((await waitForPod(client, { namespace, name: 'a' })).node, 'node-1');
    await merge(nodePath('node-1'), { spec: { taints: [{ key: 'example.com/t', effect: 'NoSchedule' }] } });
    await createPod(client, { namespace, name: 'b', spec });
    assert.match(await whyNot(namespace, 'b'), /1 node\(s\) had untolerated taint \{example\.com\/t: \}/);
    const tolerations = [{ key: 'example.com/t', operator: 'Exists' }];
    await createPod(client, { namespace, name: 'c', spec: { ...spec, tolerations } });
    await waitForPod(client, { namespace, name: 'c' });
    await merge(`${nodePath('node-1')}/status`, { status: { allocatable: { pods: '1' } } });
    await merge(nodePath('node-1'), { spec: { taints: null } });
    assert.match(await whyNot(namespace, 'b').then(() => settled(namespace, 'b', /Too many pods/)), /1 Too many pods/);
    await merge(`${nodePath('node-1')}/status`, { status: { allocatable: { pods: '500' } } });
    await waitForPod(client, { namespace, name: 'b' });
  });

  test('keeps pods apart: a must leaves one out, a wish does not', async () => {
    const namespace = await aNamespace();
    const labels = { apart: 'yes' };
    const term = { labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' };
    const must = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
    for (const name of ['a', 'b', 'c', 'd']) await createPod(client, { namespace, name, labels, spec: must });
    assert.match(await whyNot(namespace, 'd'), /3 node\(s\) didn't match pod anti-affinity rules/);
    const preferred = [{ weight: 100, podAffinityTerm: term }];
    const wish = { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } } };
    const other = await aNamespace();
    for (const name of ['a', 'b', 'c', 'd']) await createPod(client, { namespace: other, name, labels, spec: wish });
    const pods = await untilPods(other, (all) => all.length === 4 && all.every(isReady));
    assert.equal(new Set(pods.map(({ node }) => node)).size, 3);
  });
});

const settled = (namespace: string, name: string, wanted: RegExp) =>
  until(`${name} to be refused otherwise`, async () => {
    const why = await whyNot(namespace, name);
    if (!wanted.test(why)) throw new NotYet(why);
    return why;
  });

describe('the kubelets', () => {
  test('obey the annotations and the readiness gates', async () => {
    const namespace = await aNamespace();
    const annotate = (name: string, annotations: object) =>
      merge(podPath(namespace, name), { metadata: { annotations } });
    await createPod(client, { namespace, name: 'unready', annotations: { 'fake-kubelet/ready': 'false' } });
    await waitForPod(client, { namespace, name: 'unready' }, ({ phase, ready }) => phase === 'Running' && !ready);
    await annotate('unready', { 'fake-kubelet/ready': null });
    await waitForPod(client, { namespace, name: 'unready' });
    await createPod(client, { namespace, name: 'done', annotations: { 'fake-kubelet/completes-after': '0' } });
    await waitForPod(client, { namespace, name: 'done' }, ({ phase }) => phase === 'Succeeded');
    await createPod(client, { namespace, name: 'gated', spec: { readinessGates: [{ conditionType: 'test/gate' }] } });
    await waitForPod(client, { namespace, name: 'gated' }, ({ phase, ready }) => phase === 'Running' && !ready);
    await client.json({
      method: 'PATCH',
      path: `${podPath(namespace, 'gated')}/status`,
      contentType: 'application/strategic-merge-patch+json',
      body: { status: { conditions: [{ type: 'test/gate', status: 'True' }] } },
    });
    await waitForPod(client, { namespace, name: 'gated' });
  });

  test('let a deleted pod go when it asks to, and no later than its grace period', async () => {
    const namespace = await aNamespace();
    const spec = { terminationGracePeriodSeconds: 1 };
    for (const name of ['at-once', 'late']) {
      const annotations: Record<string, string> = name === 'late' ? { 'fake-kubelet/terminates-after': '60' } : {};
      await createPod(client, { namespace, name, annotations, spec });
      await waitForPod(client, { namespace, name });
      await client.json({ method: 'DELETE', path: podPath(namespace, name) });
    }
    await untilPods(namespace, (pods) => pods.length === 0);
  });
});

describe('the controllers', () => {
  test('a Deployment keeps its number, and takes its pods along when it goes', async () => {
    const namespace = await aNamespace();
    await createDeployment(client, { namespace, name: 'web', replicas: 2 });
    const [first] = await untilPods(namespace, (pods) => pods.length === 2 && pods.every(isReady));
    await client.json({ method: 'DELETE', path: podPath(namespace, first?.name ?? '') });
    const isReplaced = (pods: readonly PodView[]) => pods.length === 2 && pods.every(({ uid }) => uid !== first?.uid);
    await untilPods(namespace, isReplaced);
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/web`;
    await merge(path, { spec: { replicas: 1 } });
    await untilPods(namespace, (pods) => pods.length === 1);
    await client.json({ method: 'DELETE', path });
    await untilPods(namespace, (pods) => pods.length === 0);
  });

  test('a Deployment that goes in the foreground waits for its pods; as an orphan it leaves them', async () => {
    const namespace = await aNamespace();
    const remove = async (name: string, propagationPolicy: string) => {
      await createDeployment(client, { namespace, name });
      const isItsOwn = (pod: PodView) => pod.name.startsWith(name) && pod.ready;
      const pod = (await untilPods(namespace, (pods) => pods.some(isItsOwn))).find(isItsOwn);
      // Longer than its owners would take, if they did not wait for it.
      const slow = { metadata: { annotations: { 'fake-kubelet/terminates-after': '1' } } };
      const podPath = `/api/v1/namespaces/${namespace}/pods/${pod?.name}`;
      await client.json({ method: 'PATCH', path: podPath, contentType: 'application/merge-patch+json', body: slow });
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
      await client.json({ method: 'DELETE', path, body: { propagationPolicy } });
      await until('its end', () => client.json({ method: 'GET', path }).then(still, () => undefined));
    };
    await remove('front', 'Foreground');
    assert.deepEqual(await listPods(client, namespace), []);
    await remove('orphan', 'Orphan');
    assert.equal((await listPods(client, namespace)).length, 1);
  });

  test('a DaemonSet has a pod on each node, also on a cordoned one; a Job has one until it is done', async () => {
    const namespace = await aNamespace();
    await cordon('node-1', true);
    const labels = { daemon: 'agent' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const daemonSet = { metadata: { name: 'agent' }, spec: { selector: { matchLabels: labels }, template } };
    await post(`/apis/apps/v1/namespaces/${namespace}/daemonsets`, daemonSet);
    const pods = await untilPods(namespace, (all) => all.length === 3 && all.every(isReady));
    assert.deepEqual(pods.map(({ node }) => node).sort(), [...cluster.nodes]);
    await cordon('node-1', false);

    const other = await aNamespace();
    const annotations = { 'fake-kubelet/completes-after': '0' };
    const spec = { ...template.spec, restartPolicy: 'Never' };
    const job = { metadata: { name: 'job' }, spec: { completions: 2, template: { metadata: { annotations }, spec } } };
    await post(`/apis/batch/v1/namespaces/${other}/jobs`, job);
    await untilPods(other, (all) => all.length === 2 && all.every(({ phase }) => phase === 'Succeeded'));
  });

  test('what an owner that never was leaves behind is collected', async () => {
    const namespace = await aNamespace();
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'none', uid: 'none', controller: true };
    await createPod(client, { namespace, name: 'a', ownerReferences: [owner] });
    await untilPods(namespace, (pods) => pods.length === 0);
  });
});

const post = (path: string, body: object): Promise<JsonObject> => client.json({ method: 'POST', path, body });

async function still(): Promise<never> {
  throw new NotYet('still there');
}
