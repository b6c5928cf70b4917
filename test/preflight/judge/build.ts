import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import { namespacePath, nodePath, podPath } from '../../../src/kube/paths.ts';
import { workerNode } from '../../../testkit/control-plane/nodes.ts';
import { type ResourceKind, resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import type { PodManifest } from '../../../testkit/couchbase/member.ts';
import { createCluster, createDeployment, createNamespace, createPod } from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { HOOK_LABEL } from '../../cluster/support/rig.ts';
import { type Block, NODE_CPU, type Recipe } from './recipe.ts';

export const CLUSTER = 'cb';
const MERGE_PATCH = 'application/merge-patch+json';
const HOSTNAME = 'kubernetes.io/hostname';
const CORDON = 'node.kubernetes.io/unschedulable';
const FINALIZER = 'test.example.com/keep';
/** On a busy machine, for the whole of a batch. */
const PATIENCE = { timeoutMs: 180_000 };

export const firstNode = ({ name }: Recipe) => `${name}-1`;
export const otherNode = ({ name }: Recipe, i: number) => `${name}-${i + 2}`;

/** Makes the namespace, the nodes and the custom resource. Only the first node is open, so that all members go there. */
export async function prepare(client: ApiClient, recipe: Recipe, kind: ResourceKind, hook: string): Promise<void> {
  const { name, others, members, process } = recipe;
  await createNamespace(client, name, { [HOOK_LABEL]: hook });
  const isOpen = recipe.operator !== 'couchbase';
  await addNode(client, recipe, firstNode(recipe), { disk: 'ssd', tier: 'a' }, true);
  for (const [i, { block }] of others.entries()) {
    const labels = {
      disk: block === 'selector' ? 'hdd' : 'ssd',
      tier: block === 'affinity' ? 'b' : 'a',
    };
    await addNode(client, recipe, otherNode(recipe, i), labels, isOpen);
  }
  await makeVolumes(client, recipe);
  await createCluster(client, { namespace: name, name: CLUSTER, size: members, process, kind });
}

async function addNode(
  client: ApiClient,
  recipe: Recipe,
  name: string,
  labels: object,
  isOpen: boolean,
): Promise<void> {
  const node = workerNode(name);
  const room = { cpu: `${NODE_CPU}m`, memory: '16Gi', pods: '50' };
  const body = {
    ...node,
    metadata: { ...node.metadata, labels: { ...node.metadata.labels, ...labels, pool: recipe.name } },
    spec: { unschedulable: !isOpen },
    status: { ...node.status, capacity: room, allocatable: room },
  };
  await client.json({ method: 'POST', path: '/api/v1/nodes', body });
  await until(
    `node ${name} to be Ready`,
    async () => {
      const { spec } = (await client.json({ method: 'GET', path: nodePath(name) })) as NodeSeen;
      const left = spec?.taints?.filter(({ key }) => key !== CORDON) ?? [];
      // The API server gives a new node a taint until it is Ready.
      if (left.length > 0) throw new NotYet(left.map(({ key }) => key).join(', '));
    },
    PATIENCE,
  );
}

/** What the operator puts into the pods of its members. */
export function memberOf(recipe: Recipe, pod: PodManifest): PodManifest {
  const { operator, memberCpu, hindrance, name } = recipe;
  const spec = pod.spec as { containers: readonly object[]; affinity: { podAntiAffinity: object } };
  const containers = spec.containers.map((one) => ({ ...one, resources: { requests: { cpu: `${memberCpu}m` } } }));
  const base = { ...spec, containers, nodeSelector: { pool: name } };
  const finalizers = hindrance === 'terminating' ? { finalizers: [FINALIZER] } : {};
  const metadata = { ...pod.metadata, ...finalizers };
  if (operator !== 'couchbase') return { ...pod, metadata, spec: base };
  const claim = claimOf(recipe, String(pod.metadata.name));
  return {
    ...pod,
    metadata,
    spec: {
      ...base,
      nodeSelector: { pool: name, disk: 'ssd' },
      affinity: { nodeAffinity: onTierA, podAntiAffinity: { ...spec.affinity.podAntiAffinity, ...notBesideNoise } },
      ...tolerationsOf(recipe),
      ...(claim === undefined ? {} : { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] }),
    },
  };
}

const onTierA = {
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'tier', operator: 'In', values: ['a'] }] }],
  },
};
const notBesideNoise = {
  requiredDuringSchedulingIgnoredDuringExecution: [
    { labelSelector: { matchLabels: { noise: 'true' } }, topologyKey: HOSTNAME },
  ],
};

function tolerationsOf({ hindrance, decoys }: Recipe): object {
  const tolerated = decoys.includes('tolerated-taint') ? [{ key: 'tolerated', operator: 'Exists' }] : [];
  const cordon = { key: CORDON, operator: 'Exists', effect: 'NoSchedule' };
  return { tolerations: hindrance === 'tolerates-cordon' ? [...tolerated, cordon] : tolerated };
}

const usesVolumes = ({ hindrance, decoys }: Recipe) =>
  hindrance === 'local-volume' || decoys.includes('volume-of-two-nodes') || decoys.includes('volume-of-old-name');

/** A pod with a new name brings a volume of its own, which can be anywhere. */
function claimOf(recipe: Recipe, pod: string): string | undefined {
  const isFirst = Number(pod.slice(-4)) < recipe.members;
  return usesVolumes(recipe) && isFirst ? `data-${pod}` : undefined;
}

async function makeVolumes(client: ApiClient, recipe: Recipe): Promise<void> {
  if (!usesVolumes(recipe)) return;
  const { name: namespace, members, others, decoys } = recipe;
  const isOfTwo = decoys.includes('volume-of-two-nodes');
  const free = others.findIndex(({ block }) => block === undefined);
  const nodes = isOfTwo && free >= 0 ? [firstNode(recipe), otherNode(recipe, free)] : [firstNode(recipe)];
  for (let i = 0; i < members; i++) {
    const claim = `data-${CLUSTER}-000${i}`;
    const volume = `${namespace}-${i}`;
    const size = { storage: '1Gi' };
    const terms = [{ matchExpressions: [{ key: HOSTNAME, operator: 'In', values: nodes }] }];
    await client.json({
      method: 'POST',
      path: '/api/v1/persistentvolumes',
      body: {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: volume },
        spec: {
          capacity: size,
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'local',
          local: { path: '/data' },
          claimRef: { namespace, name: claim },
          nodeAffinity: { required: { nodeSelectorTerms: terms } },
        },
      },
    });
    await client.json({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/persistentvolumeclaims`,
      body: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: claim },
        spec: {
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'local',
          volumeName: volume,
          resources: { requests: size },
        },
      },
    });
  }
}

/** After the members are there: the other nodes open, what stands on them, the decoys, and what other pods do. */
export async function furnish(client: ApiClient, recipe: Recipe, drained: string): Promise<void> {
  const { name: namespace, others } = recipe;
  for (const [i, { block, takenCpu }] of others.entries()) {
    const node = otherNode(recipe, i);
    if (takenCpu > 0) await addPod(client, recipe, `filler-${i}`, node, takenCpu);
    if (block === 'room') await addPod(client, recipe, `more-${i}`, node, NODE_CPU - takenCpu - 100);
    if (block === 'apart') await addPod(client, recipe, `noise-${i}`, node, 100, { noise: 'true' });
  }
  await decorate(client, recipe, drained);
  await until(
    `the pods of ${namespace} to be bound`,
    async () => {
      const pods = await podsIn(client, namespace);
      const unbound = pods.filter(({ spec }) => spec.nodeName === undefined).map(({ metadata }) => metadata.name);
      if (unbound.length > 0) throw new NotYet(unbound.join(', '));
    },
    PATIENCE,
  );
  const isTolerated = recipe.decoys.includes('tolerated-taint');
  await Promise.all(others.map(({ block }, i) => open(client, otherNode(recipe, i), block, isTolerated)));
}

/** Uncordons the node, but for what keeps replacements off it. */
async function open(client: ApiClient, node: string, block: Block | undefined, isTolerated = false) {
  const added = [
    ...(block === 'taint' ? [{ key: 'dedicated', value: 'others', effect: 'NoSchedule' }] : []),
    ...(isTolerated ? [{ key: 'tolerated', effect: 'NoSchedule' }] : []),
  ];
  const spec = { unschedulable: block === 'cordoned' };
  await client.json({ method: 'PATCH', path: nodePath(node), contentType: MERGE_PATCH, body: { spec } });
  await until(
    `the taints of ${node}`,
    async () => {
      const { spec: now } = (await client.json({ method: 'GET', path: nodePath(node) })) as NodeSeen;
      const isCordoned = now?.taints?.some(({ key }) => key === CORDON) ?? false;
      if (isCordoned !== spec.unschedulable) throw new NotYet(`cordoned: ${isCordoned}`);
      const kept = now?.taints?.filter(({ key }) => !added.some((one) => one.key === key)) ?? [];
      if (added.length === 0) return;
      const body = { spec: { taints: [...kept, ...added] } };
      await client.json({ method: 'PATCH', path: nodePath(node), contentType: MERGE_PATCH, body });
    },
    PATIENCE,
  );
}

interface NodeSeen extends JsonObject {
  readonly spec?: { readonly taints?: readonly { readonly key: string }[] };
}

interface PodSeen {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName?: string };
}

export async function podsIn(client: ApiClient, namespace: string): Promise<readonly PodSeen[]> {
  const { items } = await client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
  return items as readonly PodSeen[];
}

/** The scheduler binds it; it tolerates the cordon, so that it comes before the members may. */
async function addPod(
  client: ApiClient,
  { name: namespace }: Recipe,
  name: string,
  node: string,
  cpu: number,
  labels = {},
) {
  const spec = {
    nodeSelector: { [HOSTNAME]: node },
    tolerations: [{ operator: 'Exists' }],
    containers: [{ name: 'plain', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu: `${cpu}m` } } }],
  };
  await createPod(client, { namespace, name, labels, spec });
}

async function decorate(client: ApiClient, recipe: Recipe, node: string): Promise<void> {
  const { name: namespace, hindrance, decoys, members } = recipe;
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
  if (decoys.includes('daemon-set')) await createDaemonSet(client, namespace);
  if (decoys.includes('bare-pods')) {
    const volumes = [{ name: 'scratch', emptyDir: {} }];
    await createPod(client, { namespace, name: 'bare', spec: { ...spec, volumes } });
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

async function createDaemonSet(client: ApiClient, namespace: string): Promise<void> {
  const labels = { app: 'agent' };
  const template = { metadata: { labels }, spec: { ...POD, nodeSelector: { pool: namespace } } };
  const spec = { selector: { matchLabels: labels }, template };
  const body = { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'agent' }, spec };
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
