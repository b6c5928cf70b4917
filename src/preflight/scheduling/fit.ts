import { choiceProblem, cordonProblem, taintProblem } from './choice.ts';
import { neighbourProblem, type Problem } from './neighbours.ts';
import {
  type ClaimObject,
  type NodeObject,
  nameOf,
  type PodObject,
  type SchedulingWorld,
  type VolumeObject,
} from './objects.ts';
import { kept, podsOn } from './occupancy.ts';
import { freeOn, scarceFor } from './requests.ts';
import { selectsNode } from './selectors.ts';

const ZONE_LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** What keeps the pod off a node; nothing if the scheduler would take it, as far as can be seen. */
export function whyNot(pod: PodObject, world: SchedulingWorld): Problem {
  const isReached = volumesReach(pod, world);
  const neighbours = neighbourProblem(pod, world);
  return (node) =>
    cordonProblem(pod, node) ??
    choiceProblem(pod, node) ??
    taintProblem(pod, node) ??
    (isReached(node) ? undefined : 'its volume is elsewhere') ??
    roomProblem(pod, node, world) ??
    neighbours(node);
}

function roomProblem(pod: PodObject, node: NodeObject, { pods }: SchedulingWorld): string | undefined {
  const scarce = scarceFor(pod, freeOn(node, pods));
  if (scarce !== undefined) return `too little ${scarce}`;
  const ports = new Set(hostPorts(pod));
  if (ports.size === 0) return undefined;
  return podsOn(pods, node)
    .flatMap(hostPorts)
    .some((port) => ports.has(port))
    ? 'host port taken'
    : undefined;
}

const hostPorts = ({ spec }: PodObject) =>
  (spec.containers ?? []).flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, protocol = 'TCP' }) => (hostPort ? [`${hostPort}/${protocol}`] : [])),
  );

const claimsByName = new WeakMap<readonly ClaimObject[], ReadonlyMap<string, ClaimObject>>();
const volumesByName = new WeakMap<readonly VolumeObject[], ReadonlyMap<string, VolumeObject>>();

/** Whether all bound volumes of the pod can be used on a node. A claim that is not bound yet is no hindrance. */
export function volumesReach(
  { metadata: { namespace }, spec }: PodObject,
  { claims, volumes }: Pick<SchedulingWorld, 'claims' | 'volumes'>,
): (node: NodeObject) => boolean {
  const known = kept(claimsByName, claims, () => new Map(claims.map((one) => [nameOf(one), one])));
  const bound = kept(volumesByName, volumes, () => new Map(volumes.map((one) => [one.metadata.name, one])));
  const names = (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
  const own = names.flatMap((name) => bound.get(known.get(`${namespace}/${name}`)?.spec?.volumeName ?? '') ?? []);
  return (node) => own.every((volume) => reaches(volume, node));
}

function reaches({ metadata: { labels = {} }, spec }: VolumeObject, node: NodeObject): boolean {
  const required = spec?.nodeAffinity?.required;
  if (required !== undefined && !selectsNode(required, node)) return false;
  const zones = ZONE_LABELS.filter((key) => labels[key] !== undefined);
  return zones.every((key) => (labels[key] ?? '').split('__').includes(node.metadata.labels?.[key] ?? ''));
}
