import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import { nodePath } from '../../../src/kube/paths.ts';
import { workerNode } from '../../../testkit/control-plane/nodes.ts';
import { createPod } from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { COMPANION, CORDON, DISKS, firstNode, HOSTNAME, MERGE_PATCH, opensAll, otherNode, PATIENCE } from './names.ts';
import { type Block, NODE_CPU, type OtherNode, type Recipe } from './recipe.ts';

const ENOUGH = 50;

/** The nodes, and what stands on the others. Most often only the first node is open, so that all members go there. */
export async function addNodes(client: ApiClient, recipe: Recipe): Promise<void> {
  const { others, limit } = recipe;
  await Promise.all([
    addNode(client, recipe, firstNode(recipe), { takenCpu: 0 }, true),
    ...others.map((other, i) => addNode(client, recipe, otherNode(recipe, i), other, opensAll(recipe))),
  ]);
  if (limit === 'beside') await addPod(client, recipe, 'companion', firstNode(recipe), 0, COMPANION);
  const standing = others.flatMap((other, i) => standingOn(other, recipe).map((one) => ({ ...one, i })));
  await Promise.all(
    standing.map(({ name, i, cpu, labels }) =>
      addPod(client, recipe, `${name}-${i}`, otherNode(recipe, i), cpu, labels),
    ),
  );
}

interface Standing {
  readonly name: string;
  readonly cpu: number;
  readonly labels?: Readonly<Record<string, string>>;
}

function standingOn({ block, takenCpu, hasCompanion }: OtherNode, { memberCpu }: Recipe): readonly Standing[] {
  return [
    ...(takenCpu > 0 ? [{ name: 'filler', cpu: takenCpu }] : []),
    // Ten thousandths of a CPU are too few for one member.
    ...(block === 'room' ? [{ name: 'more', cpu: Math.max(0, NODE_CPU - takenCpu - memberCpu + 10) }] : []),
    ...(block === 'apart' ? [{ name: 'noise', cpu: 0, labels: { noise: 'true' } }] : []),
    ...(hasCompanion ? [{ name: 'companion', cpu: 0, labels: COMPANION }] : []),
  ];
}

/** How many pods the node takes at all. */
function podsOf(other: OtherNode, recipe: Recipe): number {
  const slots = other.block === 'pods' ? 0 : other.podSlots;
  const agents = recipe.decoys.includes('daemon-set') ? 1 : 0;
  return slots === undefined ? ENOUGH : standingOn(other, recipe).length + agents + slots;
}

async function addNode(
  client: ApiClient,
  recipe: Recipe,
  name: string,
  other: OtherNode,
  isOpen: boolean,
): Promise<void> {
  const node = workerNode(name);
  const { block, disks = ENOUGH, zone = 'a' } = other;
  const room = {
    cpu: `${NODE_CPU}m`,
    memory: '16Gi',
    pods: String(podsOf(other, recipe)),
    [DISKS]: String(block === 'disk' ? 0 : disks),
  };
  const labels = {
    ...node.metadata.labels,
    'topology.kubernetes.io/zone': `zone-${zone}`,
    disk: block === 'selector' ? 'hdd' : 'ssd',
    tier: block === 'affinity' ? 'b' : 'a',
    pool: recipe.name,
  };
  const body = {
    ...node,
    metadata: { ...node.metadata, labels },
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

/** The scheduler binds it. It tolerates every taint, so it can stand on a node that is not open yet. */
export async function addPod(
  client: ApiClient,
  { name: namespace }: Recipe,
  name: string,
  node: string,
  cpu: number,
  labels: Readonly<Record<string, string>> = {},
  volumes: readonly object[] = [],
): Promise<void> {
  const spec = {
    nodeSelector: { [HOSTNAME]: node },
    tolerations: [{ operator: 'Exists' }],
    containers: [{ name: 'plain', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu: `${cpu}m` } } }],
    volumes,
  };
  await createPod(client, { namespace, name, labels, spec });
}

/** Opens the other nodes, but for what keeps replacements off them. */
export async function openNodes(client: ApiClient, recipe: Recipe): Promise<void> {
  const isTolerated = recipe.decoys.includes('tolerated-taint');
  await Promise.all(recipe.others.map(({ block }, i) => open(client, otherNode(recipe, i), block, isTolerated)));
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
