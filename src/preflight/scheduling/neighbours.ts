import { choiceProblem, taintProblem } from './choice.ts';
import {
  hasEnded,
  type NodeObject,
  type PodObject,
  type PodTerm,
  type SchedulingWorld,
  type SpreadConstraint,
} from './objects.ts';
import { selectsLabels } from './selectors.ts';

/** What other pods keep the pod off the node; undefined if none does. */
export function neighbourProblem(pod: PodObject, node: NodeObject, world: SchedulingWorld): string | undefined {
  if (isKeptApart(pod, node, world)) return 'pods that must be apart';
  if (!hasCompany(pod, node, world)) return 'no pod that it must be beside';
  return isSpread(pod, node, world) ? undefined : 'topology spread';
}

const antiTerms = ({ spec }: PodObject) =>
  spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
const terms = ({ spec }: PodObject) => spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];

/** Both sides count: the pod's own terms, and those of pods that are there. */
function isKeptApart(pod: PodObject, node: NodeObject, world: SchedulingWorld): boolean {
  const isNear = ({ topologyKey }: PodTerm, other: PodObject) => isSameDomain(topologyKey, node, nodeOf(other, world));
  return world.pods.some(
    (other) =>
      antiTerms(pod).some((term) => isMeant(term, pod, other, world) && isNear(term, other)) ||
      antiTerms(other).some((term) => isMeant(term, other, pod, world) && isNear(term, other)),
  );
}

/** How many pods are near the node that the pod would rather be apart from. */
export function countUnwanted(pod: PodObject, node: NodeObject, world: SchedulingWorld): number {
  const preferred = pod.spec.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const isUnwanted = (other: PodObject) =>
    preferred.some(
      ({ podAffinityTerm: term }) =>
        isMeant(term, pod, other, world) && isSameDomain(term.topologyKey, node, nodeOf(other, world)),
    );
  return world.pods.filter(isUnwanted).length;
}

/** The first pod of those that want to be together has nobody yet, and may go anywhere. */
function hasCompany(pod: PodObject, node: NodeObject, world: SchedulingWorld): boolean {
  const wanted = terms(pod);
  if (wanted.length === 0) return true;
  const isWanted = (other: PodObject) => wanted.every((term) => isMeant(term, pod, other, world));
  const company = world.pods.filter(isWanted);
  if (company.length === 0) return isWanted(pod) && wanted.every(({ topologyKey }) => domainOf(topologyKey, node));
  return wanted.every(({ topologyKey }) =>
    company.some((other) => isSameDomain(topologyKey, node, nodeOf(other, world))),
  );
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

function isSpread(pod: PodObject, node: NodeObject, world: SchedulingWorld): boolean {
  const hard = pod.spec.topologySpreadConstraints?.filter((one) => one.whenUnsatisfiable === 'DoNotSchedule') ?? [];
  return hard.every((constraint) => isWithinSkew(constraint, pod, node, world));
}

function isWithinSkew(constraint: SpreadConstraint, pod: PodObject, node: NodeObject, world: SchedulingWorld): boolean {
  const { topologyKey, labelSelector, maxSkew, minDomains = 1 } = constraint;
  const here = domainOf(topologyKey, node);
  if (here === undefined) return false;
  const counts = new Map<string, number>();
  for (const one of world.nodes.filter((other) => isEligible(constraint, pod, other))) {
    const domain = domainOf(topologyKey, one);
    if (domain === undefined) continue;
    const there = world.pods.filter(
      (other) =>
        other.spec.nodeName === one.metadata.name &&
        other.metadata.namespace === pod.metadata.namespace &&
        other.metadata.deletionTimestamp === undefined &&
        !hasEnded(other) &&
        selectsLabels(labelSelector, other.metadata.labels),
    );
    counts.set(domain, (counts.get(domain) ?? 0) + there.length);
  }
  const least = counts.size < minDomains ? 0 : Math.min(...counts.values());
  const own = selectsLabels(labelSelector, pod.metadata.labels) ? 1 : 0;
  return (counts.get(here) ?? 0) + own - least <= maxSkew;
}

/** Whose domains count. By default the taints of a node do not matter, and what the pod asks of its node does. */
function isEligible(constraint: SpreadConstraint, pod: PodObject, node: NodeObject): boolean {
  const { nodeAffinityPolicy = 'Honor', nodeTaintsPolicy = 'Ignore' } = constraint;
  if (nodeAffinityPolicy === 'Honor' && choiceProblem(pod, node) !== undefined) return false;
  return nodeTaintsPolicy === 'Ignore' || taintProblem(pod, node) === undefined;
}

const nodeOf = ({ spec }: PodObject, { nodes }: SchedulingWorld) =>
  nodes.find(({ metadata }) => metadata.name === spec.nodeName);

const domainOf = (topologyKey: string, node: NodeObject | undefined) => node?.metadata.labels?.[topologyKey];

function isSameDomain(topologyKey: string, one: NodeObject, other: NodeObject | undefined): boolean {
  const domain = domainOf(topologyKey, one);
  return domain !== undefined && domain === domainOf(topologyKey, other);
}
