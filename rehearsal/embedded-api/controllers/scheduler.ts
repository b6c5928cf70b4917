import { NODE, POD } from '../storage/kinds.ts';
import {
  conditionOf,
  isFinished,
  isRecord,
  type Json,
  type Node,
  type Pod,
  recordAt,
  type Taint,
  timestamp,
} from '../storage/object.ts';
import { selects } from '../storage/selectors.ts';
import type { World } from '../storage/world.ts';
import { changeAs } from '../writes/writes.ts';

const MANAGER = 'kube-scheduler';
const TOPOLOGY_LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** Binds every pod that can run somewhere, oldest first; says on the others why they cannot. */
export function schedule(world: World): undefined {
  const nodes = world.store.list(NODE) as Node[];
  const waiting = (world.store.list(POD) as Pod[])
    .filter(({ spec, metadata }) => !spec.nodeName && metadata.deletionTimestamp === undefined)
    .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
  for (const pod of waiting) {
    const running = (world.store.list(POD) as Pod[]).filter((other) => other.spec.nodeName && !isFinished(other));
    const verdicts = nodes.map((node) => ({ node, why: obstacle(pod, node, nodes, running) }));
    const [best] = verdicts
      .filter(({ why }) => why === undefined)
      .map(({ node }) => ({ node, cost: costOf(pod, node, running) }))
      .sort((a, b) => a.cost - b.cost);
    if (best) bind(world, pod, best.node);
    else
      refuse(
        world,
        pod,
        verdicts.map(({ why }) => why ?? ''),
      );
  }
}

function bind(world: World, pod: Pod, { metadata }: Node): void {
  const labels = TOPOLOGY_LABELS.flatMap((key) => (metadata.labels?.[key] ? [[key, metadata.labels[key]]] : []));
  const condition = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp(world.now()) };
  changeAs(world, POD, pod, MANAGER, {
    metadata: { labels: { ...pod.metadata.labels, ...Object.fromEntries(labels) } },
    spec: { ...pod.spec, nodeName: metadata.name },
    status: { ...pod.status, conditions: [...others(pod), condition] },
  });
}

function refuse(world: World, pod: Pod, reasons: readonly string[]): void {
  const counts = Map.groupBy(reasons, (reason) => reason);
  const listed = [...counts].map(([reason, { length }]) => `${length} ${reason}`).sort();
  const message = `0/${reasons.length} nodes are available: ${listed.join(', ')}.`;
  const known = conditionOf(pod.status.conditions, 'PodScheduled');
  if (known?.message === message) return;
  const lastTransitionTime = known?.lastTransitionTime ?? timestamp(world.now());
  const condition = { type: 'PodScheduled', status: 'False', lastTransitionTime, reason: 'Unschedulable', message };
  changeAs(world, POD, pod, MANAGER, { status: { ...pod.status, conditions: [...others(pod), condition] } });
}

const others = ({ status }: Pod) => status.conditions?.filter(({ type }) => type !== 'PodScheduled') ?? [];

type Rule = (pod: Pod, node: Node, nodes: readonly Node[], running: readonly Pod[]) => string | undefined;

/** Why a pod cannot run on a node, in the scheduler's words; the first that applies. */
const RULES: readonly Rule[] = [
  (pod, { spec }) => (spec.unschedulable && !tolerates(pod, UNSCHEDULABLE) ? 'node(s) were unschedulable' : undefined),
  (pod, { spec }) => {
    const taint = spec.taints?.find((one) => one.effect !== 'PreferNoSchedule' && !tolerates(pod, one));
    return taint === undefined ? undefined : `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  },
  (_, { status }) =>
    conditionOf(status.conditions, 'Ready')?.status === 'True' ? undefined : 'node(s) were not ready',
  (pod, node) => (isWantedNode(pod, node) ? undefined : "node(s) didn't match Pod's node affinity/selector"),
  (_, node, __, running) => (countOn(node, running) < room(node) ? undefined : 'Too many pods'),
  (pod, node, nodes, running) =>
    keepsApart(pod, node, nodes, running) ? undefined : "node(s) didn't match pod anti-affinity rules",
];

const UNSCHEDULABLE: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

function obstacle(...args: Parameters<Rule>): string | undefined {
  for (const rule of RULES) {
    const why = rule(...args);
    if (why !== undefined) return why;
  }
  return undefined;
}

function tolerates({ spec }: Pod, taint: Taint): boolean {
  return (spec.tolerations ?? []).some(({ key, operator, value, effect }) => {
    if (effect !== undefined && effect !== '' && effect !== taint.effect) return false;
    if (operator === 'Exists') return key === undefined || key === '' || key === taint.key;
    return key === taint.key && (value ?? '') === (taint.value ?? '');
  });
}

function isWantedNode({ spec }: Pod, { metadata }: Node): boolean {
  const { labels = {}, name } = metadata;
  if (Object.entries(spec.nodeSelector ?? {}).some(([key, value]) => labels[key] !== value)) return false;
  const required = recordAt(recordAt(spec.affinity, 'nodeAffinity'), 'requiredDuringSchedulingIgnoredDuringExecution');
  const terms = required.nodeSelectorTerms as readonly Json[] | undefined;
  if (terms === undefined) return true;
  return terms.some(
    ({ matchExpressions = [], matchFields = [] }) =>
      selects({ matchExpressions }, labels) && selects({ matchExpressions: matchFields }, { 'metadata.name': name }),
  );
}

const countOn = ({ metadata }: Node, running: readonly Pod[]) =>
  running.filter(({ spec }) => spec.nodeName === metadata.name).length;

const room = ({ status }: Node) => Number(status.allocatable?.pods ?? Number.POSITIVE_INFINITY);

/** Both ways: what the pod demands of others, and what others demand of it. */
function keepsApart(pod: Pod, node: Node, nodes: readonly Node[], running: readonly Pod[]): boolean {
  return running.every((other) => {
    const where = nodes.find(({ metadata }) => metadata.name === other.spec.nodeName);
    if (where === undefined) return true;
    return !(avoids(pod, other, node, where) || avoids(other, pod, where, node));
  });
}

function avoids(pod: Pod, other: Pod, node: Node, where: Node): boolean {
  return termsOf(pod, 'requiredDuringSchedulingIgnoredDuringExecution').some(
    (term) => isMeant(term, pod, other) && isSamePlace(term, node, where),
  );
}

const termsOf = ({ spec }: Pod, when: string) =>
  (recordAt(recordAt(spec, 'affinity'), 'podAntiAffinity')[when] ?? []) as readonly Json[];

function isMeant({ labelSelector, namespaces }: Json, pod: Pod, other: Pod): boolean {
  const inNamespaces = (namespaces as readonly string[] | undefined) ?? [pod.metadata.namespace ?? ''];
  return inNamespaces.includes(other.metadata.namespace ?? '') && selects(labelSelector, other.metadata.labels);
}

function isSamePlace({ topologyKey }: Json, a: Node, b: Node): boolean {
  const place = a.metadata.labels?.[String(topologyKey)];
  return place !== undefined && place === b.metadata.labels?.[String(topologyKey)];
}

/** The wishes that a node would not meet, and then how full it is. */
function costOf(pod: Pod, node: Node, running: readonly Pod[]): number {
  const wishes = termsOf(pod, 'preferredDuringSchedulingIgnoredDuringExecution');
  const neighbours = running.filter(({ spec }) => spec.nodeName === node.metadata.name);
  const unmet = wishes.reduce((sum, { weight, podAffinityTerm }) => {
    const term = isRecord(podAffinityTerm) ? podAffinityTerm : {};
    return sum + Number(weight) * neighbours.filter((other) => isMeant(term, pod, other)).length;
  }, 0);
  return unmet * 1_000 + neighbours.length;
}
