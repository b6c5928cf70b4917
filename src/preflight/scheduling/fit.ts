import { choiceProblem, cordonProblem, taintProblem } from './choice.ts';
import { neighbourProblem } from './neighbours.ts';
import type { NodeObject, PodObject, SchedulingWorld } from './objects.ts';
import { freeOn, scarceFor } from './requests.ts';
import { selectsNode } from './selectors.ts';

const ZONE_LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** What keeps the pod off the node, in a few words; undefined if the scheduler would take it, as far as can be seen. */
export function whyNot(pod: PodObject, node: NodeObject, world: SchedulingWorld): string | undefined {
  return (
    cordonProblem(pod, node) ??
    choiceProblem(pod, node) ??
    taintProblem(pod, node) ??
    (volumesReach(pod, node, world) ? undefined : 'its volume is elsewhere') ??
    roomProblem(pod, node, world) ??
    neighbourProblem(pod, node, world)
  );
}

function roomProblem(pod: PodObject, node: NodeObject, { pods }: SchedulingWorld): string | undefined {
  const scarce = scarceFor(pod, freeOn(node, pods));
  if (scarce !== undefined) return `too little ${scarce}`;
  const ports = new Set(hostPorts(pod));
  const others = ports.size === 0 ? [] : pods.filter(({ spec }) => spec.nodeName === node.metadata.name);
  return others.flatMap(hostPorts).some((port) => ports.has(port)) ? 'host port taken' : undefined;
}

const hostPorts = ({ spec }: PodObject) =>
  (spec.containers ?? []).flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, protocol = 'TCP' }) => (hostPort ? [`${hostPort}/${protocol}`] : [])),
  );

/** Whether all bound volumes of the pod can be used on the node. A claim that is not bound yet is no hindrance. */
export function volumesReach(
  { metadata: { namespace }, spec }: PodObject,
  node: NodeObject,
  { claims, volumes }: SchedulingWorld,
): boolean {
  const names = (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
  const bound = names.flatMap((name) => {
    const claim = claims.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
    return volumes.find(({ metadata }) => metadata.name === claim?.spec?.volumeName) ?? [];
  });
  return bound.every(({ metadata: { labels = {} }, spec: volume }) => {
    const required = volume?.nodeAffinity?.required;
    if (required !== undefined && !selectsNode(required, node)) return false;
    const zones = ZONE_LABELS.filter((key) => labels[key] !== undefined);
    return zones.every((key) => (labels[key] ?? '').split('__').includes(node.metadata.labels?.[key] ?? ''));
  });
}
