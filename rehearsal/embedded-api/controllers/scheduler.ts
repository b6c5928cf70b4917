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
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';
const TOPOLOGY_LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** So many pods are bound in one look, so that thousands that come at once keep nobody's request waiting for long. */
const BOUND_AT_ONCE = 50;

/** Binds every pod that can run somewhere, oldest first; says on the others why they cannot. */
export function schedule(world: World): number | undefined {
  const waiting = (world.store.list(POD) as Pod[])
    .filter(({ spec, metadata }) => !spec.nodeName && metadata.deletionTimestamp === undefined)
    .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
  if (waiting.length === 0) return undefined;
  const nodes = world.store.list(NODE) as Node[];
  const running = new Running(world, nodes);
  let bound = 0;
  for (const pod of waiting) {
    if (bound === BOUND_AT_ONCE) return 0;
    const { best, reasons } = choose(world, pod, nodes, running);
    if (best === undefined) {
      refuse(world, pod, reasons);
      continue;
    }
    running.add(bind(world, pod, best));
    bound++;
  }
  return undefined;
}

/** The first of those that cost least; where there is none, why each node cannot be taken. */
function choose(world: World, pod: Pod, nodes: readonly Node[], running: Running) {
  const unmet = unmetWishes(world, pod);
  const reasons: string[] = [];
  let best: Node | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const node of nodes) {
    const why = obstacle(pod, node, running);
    if (why !== undefined) {
      reasons.push(why);
      continue;
    }
    const cost = (unmet.get(node.metadata.name) ?? 0) * 1_000 + running.on(node).length;
    if (cost < least) [best, least] = [node, cost];
  }
  return { best, reasons };
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

function isMeant(term: Json, pod: Pod, other: Pod): boolean {
  const isThere = namespacesOf(term, pod).includes(other.metadata.namespace ?? '');
  return isThere && selects(term.labelSelector, other.metadata.labels);
}

const namespacesOf = ({ namespaces }: Json, pod: Pod) =>
  (namespaces as readonly string[] | undefined) ?? [pod.metadata.namespace ?? ''];

function isSamePlace({ topologyKey }: Json, a: Node, b: Node): boolean {
  const place = a.metadata.labels?.[String(topologyKey)];
  return place !== undefined && place === b.metadata.labels?.[String(topologyKey)];
}

/** The weight of the wishes that a node would not meet, by its name. */
function unmetWishes({ store }: World, pod: Pod): ReadonlyMap<string, number> {
  const unmet = new Map<string, number>();
  for (const { weight, podAffinityTerm } of termsOf(pod, PREFERRED)) {
    const term = isRecord(podAffinityTerm) ? podAffinityTerm : {};
    const others = namespacesOf(term, pod).flatMap((namespace) => store.list(POD, namespace) as Pod[]);
    for (const other of others) {
      const { nodeName } = other.spec;
      if (!nodeName || isFinished(other) || !isMeant(term, pod, other)) continue;
      unmet.set(nodeName, (unmet.get(nodeName) ?? 0) + Number(weight));
    }
  }
  return unmet;
}
