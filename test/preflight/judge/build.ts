import type { ApiClient } from '../../../src/kube/client.ts';
import { namespacePath, podPath } from '../../../src/kube/paths.ts';
import { type ResourceKind, resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createCluster, createDeployment, createNamespace } from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { HOOK_LABEL } from '../../cluster/support/rig.ts';
import { makeVolumes } from './members.ts';
import { CLUSTER, HOSTNAME, MERGE_PATCH, PATIENCE } from './names.ts';
import { addNodes, addPod, openNodes } from './nodes.ts';
import type { Recipe } from './recipe.ts';

/** Makes the namespace, the nodes with what stands on them, and the custom resource. */
export async function prepare(client: ApiClient, recipe: Recipe, kind: ResourceKind, hook: string): Promise<void> {
  const { name, limit, members, process } = recipe;
  await createNamespace(client, name, { [HOOK_LABEL]: hook });
  await addNodes(client, recipe);
  await untilBound(client, name);
  await makeVolumes(client, recipe);
  const spec = { antiAffinity: limit === 'apart' };
  await createCluster(client, { namespace: name, name: CLUSTER, size: members, process, kind, spec });
}

/** After the members are there: the decoys, what other pods do, and the other nodes open. */
export async function furnish(client: ApiClient, recipe: Recipe, drained: string): Promise<void> {
  await decorate(client, recipe, drained);
  await untilStarted(client, recipe.name);
  await untilBound(client, recipe.name);
  await openNodes(client, recipe);
}

async function untilBound(client: ApiClient, namespace: string): Promise<void> {
  await until(
    `the pods of ${namespace} to be bound`,
    async () => {
      const pods = await podsIn(client, namespace);
      const unbound = pods.filter(({ spec }) => spec.nodeName === undefined).map(({ metadata }) => metadata.name);
      if (unbound.length > 0) throw new NotYet(unbound.join(', '));
    },
    PATIENCE,
  );
}

interface Controller {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly replicas?: number };
  readonly status?: {
    readonly readyReplicas?: number;
    readonly active?: number;
    readonly desiredNumberScheduled?: number;
    readonly currentNumberScheduled?: number;
  };
}

/** Each controller has made its pods. */
async function untilStarted(client: ApiClient, namespace: string): Promise<void> {
  await until(
    `the controllers of ${namespace} to have made their pods`,
    async () => {
      const paths = ['apps/v1/deployments', 'apps/v1/daemonsets', 'batch/v1/jobs'].map((path) => {
        const [group, version, plural] = path.split('/');
        return `/apis/${group}/${version}/namespaces/${namespace}/${plural}`;
      });
      const lists = await Promise.all(paths.map((path) => client.json({ method: 'GET', path })));
      const late = lists.flatMap(({ items }) => items as readonly Controller[]).filter((one) => !hasStarted(one));
      if (late.length > 0) throw new NotYet(late.map(({ metadata }) => metadata.name).join(', '));
    },
    PATIENCE,
  );
}

function hasStarted({ spec, status = {} }: Controller): boolean {
  if (spec.replicas !== undefined) return status.readyReplicas === spec.replicas;
  const { desiredNumberScheduled: desired, currentNumberScheduled: current, active } = status;
  return desired === undefined ? active === 1 : desired > 0 && current === desired;
}

interface PodSeen {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName?: string };
}

async function podsIn(client: ApiClient, namespace: string): Promise<readonly PodSeen[]> {
  const { items } = await client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
  return items as readonly PodSeen[];
}

async function decorate(client: ApiClient, recipe: Recipe, node: string): Promise<void> {
  const { name: namespace, hindrance, decoys, members, heavyCpu } = recipe;
  const spec = { nodeSelector: { [HOSTNAME]: node } };
  const anywhere = { nodeSelector: { pool: namespace } };
  const budget = (name: string, minAvailable: number, matchLabels: object) =>
    client.json({
      method: 'POST',
      path: `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`,
      body: {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name },
        spec: { minAvailable, selector: { matchLabels } },
      },
    });
  if (decoys.includes('own-budget')) await budget('members', members, { couchbase_cluster: CLUSTER });
  if (decoys.includes('budget-with-room')) {
    await createDeployment(client, { namespace, name: 'roomy', replicas: 2, spec: anywhere });
    await budget('roomy', 1, { app: 'roomy' });
  }
  if (decoys.includes('job')) await createJob(client, namespace, anywhere);
  if (decoys.includes('rival')) {
    const containers = [{ ...POD.containers[0], resources: { requests: { cpu: '200m' } } }];
    await createDeployment(client, { namespace, name: 'rival', replicas: 2, spec: { ...anywhere, containers } });
  }
  if (decoys.includes('daemon-set')) await createDaemonSet(client, namespace, 'agent', { pool: namespace });
  if (heavyCpu) await createDaemonSet(client, namespace, 'heavy', { [HOSTNAME]: node }, heavyCpu);
  if (decoys.includes('bare-pods')) {
    await addPod(client, recipe, 'bare', node, 0, {}, [{ name: 'scratch', emptyDir: {} }]);
  }
  if (hindrance === 'budget') {
    // At zero, or with room for one of two that cannot run elsewhere.
    const replicas = recipe.members;
    await createDeployment(client, { namespace, name: 'single', replicas, spec });
    await budget('single', 1, { app: 'single' });
  }
  if (hindrance === 'no-operator') {
    await createDeployment(client, { namespace, name: 'stray', labels: { app: 'couchbase' }, spec });
  }
}

const POD = { containers: [{ name: 'plain', image: 'registry.k8s.io/pause:3.10' }] };

async function createJob(client: ApiClient, namespace: string, spec: object): Promise<void> {
  const template = { metadata: { labels: { app: 'couchbase' } }, spec: { ...POD, restartPolicy: 'Never', ...spec } };
  const body = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'backup' }, spec: { template } };
  await client.json({ method: 'POST', path: `/apis/batch/v1/namespaces/${namespace}/jobs`, body });
}

async function createDaemonSet(
  client: ApiClient,
  namespace: string,
  name: string,
  nodeSelector: object,
  cpu = 0,
): Promise<void> {
  const labels = { app: name };
  const containers = [{ ...POD.containers[0], resources: { requests: { cpu: `${cpu}m` } } }];
  const template = { metadata: { labels }, spec: { ...POD, containers, nodeSelector } };
  const spec = { selector: { matchLabels: labels }, template };
  const body = { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name }, spec };
  await client.json({ method: 'POST', path: `/apis/apps/v1/namespaces/${namespace}/daemonsets`, body });
}

/** Takes the pods, the nodes and what keeps either: the next batch must not have to look at them. */
export async function remove(client: ApiClient, recipe: Recipe): Promise<void> {
  const { name } = recipe;
  for (const { metadata } of await podsIn(client, name)) {
    const path = podPath(name, metadata.name);
    const body = { metadata: { finalizers: null } };
    await client.json({ method: 'PATCH', path, contentType: MERGE_PATCH, body }).catch(() => undefined);
  }
  await client.json({ method: 'DELETE', path: namespacePath(name) });
  await client.json({ method: 'DELETE', path: '/api/v1/nodes', query: { labelSelector: `pool=${name}` } });
}

/** Does to the cluster what only people or accidents do, once all of it stands. */
export async function hinder(
  client: ApiClient,
  recipe: Recipe,
  kind: ResourceKind,
  members: readonly string[],
): Promise<void> {
  const { name: namespace, hindrance } = recipe;
  const [first = ''] = members;
  const patch = (path: string, body: object) => client.json({ method: 'PATCH', path, contentType: MERGE_PATCH, body });
  const annotate = (pod: string, annotations: object) => patch(podPath(namespace, pod), { metadata: { annotations } });
  switch (hindrance) {
    case 'paused':
      return void (await patch(resourcePath(kind, namespace, CLUSTER), { spec: { paused: true } }));
    case 'held':
      return void (await annotate(first, { 'reschedule.hook/policy': 'hold' }));
    case 'stalled':
      return void (await annotate(first, { 'cao.couchbase.com/reschedule': 'true' }));
    case 'terminating':
      return void (await client.json({
        method: 'DELETE',
        path: podPath(namespace, first),
        body: { gracePeriodSeconds: 1 },
      }));
    case 'group-busy':
      return void (await annotate(members[1] ?? '', { 'fake-kubelet/ready': 'false' }));
    default:
  }
}
