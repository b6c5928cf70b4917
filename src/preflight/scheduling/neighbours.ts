import { choiceProblem, taintProblem } from './choice.ts';
import {
  hasEnded,
  type NodeObject,
  type PodObject,
  type PodTerm,
  type SchedulingWorld,
  type SpreadConstraint,
} from './objects.ts';
import { nodeOf, podsOn } from './occupancy.ts';
import { selectsLabels } from './selectors.ts';

/** What keeps a pod off a node, in a few words; undefined if nothing does. */
export type Problem = (node: NodeObject) => string | undefined;

/** How many pods there are in each domain of each topology key. */
type Counts = Map<string, Map<string, number>>;

/** What other pods keep the pod off a node. They are looked at once, whatever the number of nodes. */
export function neighbourProblem(pod: PodObject, world: SchedulingWorld): Problem {
  const apart = keptApart(pod, world);
  const isBeside = companyOf(pod, world);
  const hard = pod.spec.topologySpreadConstraints?.filter((one) => one.whenUnsatisfiable === 'DoNotSchedule') ?? [];
  const isSpread = hard.map((constraint) => withinSkew(constraint, pod, world));
  return (node) => {
    if (countsNear(apart, node) > 0) return 'pods that must be apart';
    if (!isBeside(node)) return 'no pod that it must be beside';
    return isSpread.every((isWithin) => isWithin(node)) ? undefined : 'topology spread';
  };
}

/** How many pods are near a node that the pod would rather be apart from; one that two terms name counts twice. */
export function countUnwanted(pod: PodObject, world: SchedulingWorld): (node: NodeObject) => number {
  const preferred = pod.spec.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const counts: Counts = new Map();
  for (const { podAffinityTerm: term } of preferred) {
    for (const other of world.pods) if (isMeant(term, pod, other, world)) count(counts, term, other, world);
  }
  return (node) => countsNear(counts, node);
}

const antiTerms = ({ spec }: PodObject) =>
  spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
const terms = ({ spec }: PodObject) => spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];

/** Both sides count: the pod's own terms, and those of pods that are there. */
function keptApart(pod: PodObject, world: SchedulingWorld): Counts {
  const counts: Counts = new Map();
  const own = antiTerms(pod);
  for (const other of world.pods) {
    const meant = [
      ...own.filter((term) => isMeant(term, pod, other, world)),
      ...antiTerms(other).filter((term) => isMeant(term, other, pod, world)),
    ];
    for (const term of meant) count(counts, term, other, world);
  }
  return counts;
}

/** The first pod of those that want to be together has nobody yet, and may go anywhere. */
function companyOf(pod: PodObject, world: SchedulingWorld): (node: NodeObject) => boolean {
  const wanted = terms(pod);
  if (wanted.length === 0) return () => true;
  const isWanted = (other: PodObject) => wanted.every((term) => isMeant(term, pod, other, world));
  const company = world.pods.filter(isWanted);
  if (company.length === 0) {
    const isFirst = isWanted(pod);
    return (node) => isFirst && wanted.every(({ topologyKey }) => domainOf(topologyKey, node));
  }
  const counts: Counts = new Map();
  for (const term of wanted) for (const other of company) count(counts, term, other, world);
  return (node) => wanted.every((term) => countsNear(counts, node, term.topologyKey) > 0);
}

/** Whether `other` is one of the pods that the term of `pod` is about. */
function isMeant(term: PodTerm, pod: PodObject, other: PodObject, { namespaces }: SchedulingWorld): boolean {
  const own = pod.metadata.namespace ?? '';
  const name = other.metadata.namespace ?? '';
  const { namespaces: named = [], namespaceSelector } = term;
  const isOwn = named.length === 0 && namespaceSelector === undefined && name === own;
  const isInPlace = isOwn || named.includes(name) || selectsLabels(namespaceSelector, namespaces.get(name));
  return isInPlace && selectsLabels(term.labelSelector, other.metadata.labels);
}

function withinSkew(
  constraint: SpreadConstraint,
  pod: PodObject,
  world: SchedulingWorld,
): (node: NodeObject) => boolean {
  const { topologyKey, labelSelector, maxSkew, minDomains = 1 } = constraint;
  const counts = countsOfSpread(constraint, pod, world);
  const least = counts.size < minDomains ? 0 : [...counts.values()].reduce((a, b) => Math.min(a, b), Infinity);
  const own = selectsLabels(labelSelector, pod.metadata.labels) ? 1 : 0;
  return (node) => {
    const here = domainOf(topologyKey, node);
    return here !== undefined && (counts.get(here) ?? 0) + own - least <= maxSkew;
  };
}

function countsOfSpread(
  constraint: SpreadConstraint,
  pod: PodObject,
  { nodes, pods }: SchedulingWorld,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const domain = domainOf(constraint.topologyKey, node);
    if (domain === undefined || !isEligible(constraint, pod, node)) continue;
    const there = podsOn(pods, node).filter((other) => isSpreadWith(constraint, pod, other));
    counts.set(domain, (counts.get(domain) ?? 0) + there.length);
  }
  return counts;
}

const isSpreadWith = ({ labelSelector }: SpreadConstraint, pod: PodObject, other: PodObject) =>
  other.metadata.namespace === pod.metadata.namespace &&
  other.metadata.deletionTimestamp === undefined &&
  !hasEnded(other) &&
  selectsLabels(labelSelector, other.metadata.labels);

/** Whose domains count. By default the taints of a node do not matter, and what the pod asks of its node does. */
function isEligible(constraint: SpreadConstraint, pod: PodObject, node: NodeObject): boolean {
  const { nodeAffinityPolicy = 'Honor', nodeTaintsPolicy = 'Ignore' } = constraint;
  if (nodeAffinityPolicy === 'Honor' && choiceProblem(pod, node) !== undefined) return false;
  return nodeTaintsPolicy === 'Ignore' || taintProblem(pod, node) === undefined;
}

const domainOf = (topologyKey: string, node: NodeObject | undefined) => node?.metadata.labels?.[topologyKey];

function count(counts: Counts, { topologyKey }: PodTerm, pod: PodObject, { nodes }: SchedulingWorld): void {
  const domain = domainOf(topologyKey, nodeOf(pod, nodes));
  if (domain === undefined) return;
  const domains = counts.get(topologyKey) ?? new Map<string, number>();
  counts.set(topologyKey, domains.set(domain, (domains.get(domain) ?? 0) + 1));
}

/** Of one topology key, or of all. */
function countsNear(counts: Counts, node: NodeObject, only?: string): number {
  let sum = 0;
  for (const [key, domains] of counts) {
    if (only === undefined || only === key) sum += domains.get(domainOf(key, node) ?? '') ?? 0;
  }
  return sum;
}
