import { NODE, POD } from '../storage/kinds.ts';
import { type Condition, conditionOf, type Node, type Pod, timestamp } from '../storage/object.ts';
import type { World } from '../storage/world.ts';
import { removeNow } from '../writes/deletion.ts';
import { changeAs } from '../writes/writes.ts';

const MANAGER = 'kubelet';
/** As on the real control plane, only nodes with this label have a kubelet that is played. */
const MANAGED = { key: 'type', value: 'kwok' };
const READY = 'fake-kubelet/ready';
const COMPLETES_AFTER = 'fake-kubelet/completes-after';
const TERMINATES_AFTER = 'fake-kubelet/terminates-after';
const NODE_CONDITIONS = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'];

/** Plays the kubelets: nodes turn Ready, pods run, turn Ready, end and go, as their annotations say (see docs/rehearsal.md). */
export function playKubelets(world: World): number | undefined {
  const nodes = (world.store.list(NODE) as Node[]).filter(
    ({ metadata }) => metadata.labels?.[MANAGED.key] === MANAGED.value,
  );
  for (const node of nodes) reportNode(world, node);
  const names = new Set(nodes.map(({ metadata }) => metadata.name));
  const pods = (world.store.list(POD) as Pod[]).filter((pod) => !DONE.has(pod) && names.has(pod.spec.nodeName ?? ''));
  const delays = pods.flatMap((pod) => reportPod(world, pod) ?? []);
  return delays.length === 0 ? undefined : Math.min(...delays);
}

/** Pods that wait for nothing, as they are: a change is a new object. So a look at 100,000 of them is soon over. */
const DONE = new WeakSet<Pod>();

function reportNode(world: World, node: Node): void {
  if (conditionOf(node.status.conditions, 'Ready')?.status === 'True') return;
  const lastTransitionTime = timestamp(world.now());
  const at = { lastHeartbeatTime: lastTransitionTime, lastTransitionTime };
  const conditions = [
    { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status', ...at },
    ...NODE_CONDITIONS.map((type) => ({ type, status: 'False', reason: `KubeletHasNo${type}`, message: '', ...at })),
  ];
  const addresses = [
    { type: 'Hostname', address: node.metadata.name },
    { type: 'InternalIP', address: '127.0.0.1' },
  ];
  changeAs(world, NODE, node, MANAGER, { status: { ...node.status, conditions, addresses } });
}

/** Does what is due for one pod; returns in how many ms something will be. */
function reportPod(world: World, pod: Pod): number | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return endPod(world, pod);
  if (pod.status.phase === 'Pending') return void runPod(world, pod);
  if (pod.status.phase !== 'Running') return void DONE.add(pod);
  const completes = dueIn(world, pod, COMPLETES_AFTER, Date.parse(pod.status.startTime ?? ''));
  if (completes !== undefined && completes <= 0) return void completePod(world, pod);
  updateReady(world, pod);
  return completes;
}

function runPod(world: World, pod: Pod): void {
  const time = timestamp(world.now());
  const ip = podIp(world);
  const state = { running: { startedAt: time } };
  report(world, pod, {
    phase: 'Running',
    startTime: time,
    hostIP: '127.0.0.1',
    hostIPs: [{ ip: '127.0.0.1' }],
    podIP: ip,
    podIPs: [{ ip }],
    conditions: withConditions(pod, time, { Initialized: 'True', ContainersReady: 'True', Ready: readyOf(pod) }),
    containerStatuses: containers(pod).map((container) => ({ ...container, ready: true, started: true, state })),
  });
}

function updateReady(world: World, pod: Pod): void {
  const wanted = readyOf(pod);
  if (conditionOf(pod.status.conditions, 'Ready')?.status === wanted) {
    // One that is to complete has to be looked at again.
    if (pod.metadata.annotations?.[COMPLETES_AFTER] === undefined) DONE.add(pod);
    return;
  }
  report(world, pod, { conditions: withConditions(pod, timestamp(world.now()), { Ready: wanted }) });
}

function completePod(world: World, pod: Pod): void {
  const finishedAt = timestamp(world.now());
  const { startTime: startedAt } = pod.status;
  const state = { terminated: { exitCode: 0, reason: 'Completed', startedAt, finishedAt } };
  report(world, pod, {
    phase: 'Succeeded',
    conditions: withConditions(pod, finishedAt, { ContainersReady: 'False', Ready: 'False' }),
    containerStatuses: containers(pod).map((container) => ({ ...container, ready: false, started: false, state })),
  });
}

/** A pod that is being deleted is gone at once, or when it asks for, but no later than its grace period. */
function endPod(world: World, pod: Pod): number | undefined {
  const { deletionGracePeriodSeconds: grace = 0, deletionTimestamp = '', annotations = {} } = pod.metadata;
  if (grace === 0 || annotations[TERMINATES_AFTER] === 'never') return undefined;
  const askedAt = Date.parse(deletionTimestamp) - grace * 1000;
  const due = Math.min(dueIn(world, pod, TERMINATES_AFTER, askedAt) ?? 0, askedAt + grace * 1000 - world.now());
  if (due > 0) return due;
  const { namespace, name, uid } = pod.metadata;
  removeNow(world, { kind: POD, namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } }, false);
  return undefined;
}

/** In how many ms what an annotation asks for is due; undefined without the annotation. */
function dueIn(world: World, { metadata }: Pod, annotation: string, since: number): number | undefined {
  const seconds = metadata.annotations?.[annotation];
  return seconds === undefined ? undefined : since + Number(seconds) * 1000 - world.now();
}

/** With readiness gates Ready follows them; without, only the annotation. */
function readyOf({ metadata, spec, status }: Pod): 'True' | 'False' {
  const gates = spec.readinessGates ?? [];
  const isOpen = gates.every(({ conditionType }) => conditionOf(status.conditions, conditionType)?.status === 'True');
  return isOpen && metadata.annotations?.[READY] !== 'false' ? 'True' : 'False';
}

function withConditions(pod: Pod, time: string, wanted: Readonly<Record<string, string>>): Condition[] {
  const given = pod.status.conditions ?? [];
  const changed = Object.entries(wanted).map(([type, status]) => ({ type, status, lastTransitionTime: time }));
  return [...given.filter(({ type }) => wanted[type] === undefined), ...changed];
}

const containers = ({ spec }: Pod) =>
  (spec.containers ?? []).map(({ name, image = '' }) => ({ name, image, imageID: '', restartCount: 0 }));

function report(world: World, pod: Pod, status: Pod['status']): void {
  changeAs(world, POD, pod, MANAGER, { status: { ...pod.status, ...status } });
}

/** Counted up over the life of the cluster; nobody ever dials it. */
function podIp({ store }: World): string {
  return `10.244.${Math.floor(store.version / 254) % 256}.${(store.version % 254) + 1}`;
}
