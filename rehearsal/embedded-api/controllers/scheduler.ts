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
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const TOPOLOGY_LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** Binds every pod that can run somewhere, oldest first; says on the others why they cannot. */
export function schedule(world: World): undefined {
  const waiting = (world.store.list(POD) as Pod[])
    .filter(({ spec, metadata }) => !spec.nodeName && metadata.deletionTimestamp === undefined)
    .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
  if (waiting.length === 0) return;
  const nodes = world.store.list(NODE) as Node[];
  const running = new Running(world, nodes);
  for (const pod of waiting) {
    const verdicts = nodes.map((node) => ({ node, why: obstacle(pod, node, running) }));
    const [best] = verdicts
      .filter(({ why }) => why === undefined)
      .map(({ node }) => ({ node, cost: costOf(pod, node, running) }))
      .sort((a, b) => a.cost - b.cost);
    if (best) running.add(bind(world, pod, best.node));
    else
      refuse(
        world,
        pod,
        verdicts.map(({ why }) => why ?? ''),
      );
  }
}

/** The pods that are on nodes. */
class Running {
  readonly #byNode = new Map<string, Pod[]>();
  readonly #nodes: ReadonlyMap<string, Node>;
  /** Those that demand something of others, each with its node: few, and so each of them can be asked. */
  readonly demanding: { readonly pod: Pod; readonly node: Node }[] = [];

  constructor({ store }: World, nodes: readonly Node[]) {
    this.#nodes = new Map(nodes.map((node) => [node.metadata.name, node]));
    for (const pod of store.list(POD) as Pod[]) if (pod.spec.nodeName && !isFinished(pod)) this.add(pod);
  }

  add(pod: Pod): void {
    const { nodeName = '' } = pod.spec;
    const [there, node] = [this.#byNode.get(nodeName), this.#nodes.get(nodeName)];
    if (there === undefined) this.#byNode.set(nodeName, [pod]);
    else there.push(pod);
    if (node !== undefined && termsOf(pod, REQUIRED).length > 0) this.demanding.push({ pod, node });
  }

  on({ metadata }: Node): readonly Pod[] {
    return this.#byNode.get(metadata.name) ?? [];
  }

  /** All, with their nodes. */
  *placed() {
    for (const [name, pods] of this.#byNode) {
      const node = this.#nodes.get(name);
      if (node !== undefined) for (const pod of pods) yield { pod, node };
    }
  }
}

function bind(world: World, pod: Pod, { metadata }: Node): Pod {
  const labels = TOPOLOGY_LABELS.flatMap((key) => (metadata.labels?.[key] ? [[key, metadata.labels[key]]] : []));
  const condition = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp(world.now()) };
  return changeAs(world, POD, pod, MANAGER, {
    metadata: { labels: { ...pod.metadata.labels, ...Object.fromEntries(labels) } },
    spec: { ...pod.spec, nodeName: metadata.name },
    status: { ...pod.status, conditions: [...others(pod), condition] },
  }) as Pod;
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

type Rule = (pod: Pod, node: Node, running: Running) => string | undefined;

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
  (_, node, running) => (running.on(node).length < room(node) ? undefined : 'Too many pods'),
  (pod, node, running) => (keepsApart(pod, node, running) ? undefined : "node(s) didn't match pod anti-affinity rules"),
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
  const required = recordAt(recordAt(spec.affinity, 'nodeAffinity'), REQUIRED);
  const terms = required.nodeSelectorTerms as readonly Json[] | undefined;
  if (terms === undefined) return true;
  return terms.some(
    ({ matchExpressions = [], matchFields = [] }) =>
      selects({ matchExpressions }, labels) && selects({ matchExpressions: matchFields }, { 'metadata.name': name }),
  );
}

const room = ({ status }: Node) => Number(status.allocatable?.pods ?? Number.POSITIVE_INFINITY);

/** Both ways: what the pod demands of others, and what others demand of it. */
function keepsApart(pod: Pod, node: Node, running: Running): boolean {
  if (running.demanding.some((other) => avoids(other.pod, pod, other.node, node))) return false;
  if (termsOf(pod, REQUIRED).length === 0) return true;
  for (const other of running.placed()) if (avoids(pod, other.pod, node, other.node)) return false;
  return true;
}

function avoids(pod: Pod, other: Pod, node: Node, where: Node): boolean {
  return termsOf(pod, REQUIRED).some((term) => isMeant(term, pod, other) && isSamePlace(term, node, where));
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
function costOf(pod: Pod, node: Node, running: Running): number {
  const wishes = termsOf(pod, 'preferredDuringSchedulingIgnoredDuringExecution');
  const neighbours = running.on(node);
  const unmet = wishes.reduce((sum, { weight, podAffinityTerm }) => {
    const term = isRecord(podAffinityTerm) ? podAffinityTerm : {};
    return sum + Number(weight) * neighbours.filter((other) => isMeant(term, pod, other)).length;
  }, 0);
  return unmet * 1_000 + neighbours.length;
}
