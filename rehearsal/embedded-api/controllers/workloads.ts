import { createHash } from 'node:crypto';
import { apiVersionOf, DAEMON_SET, DEPLOYMENT, JOB, type Kind, NODE, POD, REPLICA_SET } from '../storage/kinds.ts';
import {
  type ApiObject,
  controllerOf,
  isFinished,
  isPodReady,
  type Json,
  type Node,
  type Pod,
  recordAt,
  timestamp,
} from '../storage/object.ts';
import type { World } from '../storage/world.ts';
import { removeNow } from '../writes/deletion.ts';
import { changeAs, createAs } from '../writes/writes.ts';

const MANAGER = 'kube-controller-manager';
const HASH_LABEL = 'pod-template-hash';
/** What every pod of a DaemonSet tolerates. */
const DAEMON_TOLERATIONS = [
  'not-ready',
  'unreachable',
  'disk-pressure',
  'memory-pressure',
  'pid-pressure',
  'unschedulable',
].map((what) => ({
  key: `node.kubernetes.io/${what}`,
  operator: 'Exists',
  effect: ['not-ready', 'unreachable'].includes(what) ? 'NoExecute' : 'NoSchedule',
}));

/** Plays the controllers of Deployments (without a rolling update), ReplicaSets, DaemonSets and Jobs. */
export function runWorkloads(world: World): undefined {
  for (const deployment of alive(world, DEPLOYMENT)) runDeployment(world, deployment);
  for (const replicaSet of alive(world, REPLICA_SET)) runReplicaSet(world, replicaSet);
  for (const daemonSet of alive(world, DAEMON_SET)) runDaemonSet(world, daemonSet);
  for (const job of alive(world, JOB)) runJob(world, job);
}

const alive = ({ store }: World, kind: Kind) =>
  store.list(kind).filter(({ metadata }) => metadata.deletionTimestamp === undefined);

const replicasOf = (object: ApiObject) => Number(recordAt(object, 'spec').replicas ?? 1);
const templateOf = (object: ApiObject) => recordAt(recordAt(object, 'spec'), 'template');

function runDeployment(world: World, deployment: ApiObject): void {
  const hash = createHash('sha256')
    .update(JSON.stringify(templateOf(deployment)))
    .digest('hex')
    .slice(0, 10);
  const owned = alive(world, REPLICA_SET).filter((set) => controllerOf(set)?.uid === deployment.metadata.uid);
  const wanted = replicasOf(deployment);
  const current = owned.find((set) => set.metadata.labels?.[HASH_LABEL] === hash);
  if (current === undefined) createAs(world, REPLICA_SET, MANAGER, replicaSetFor(deployment, hash));
  else scale(world, current, wanted);
  for (const old of owned) if (old !== current) scale(world, old, 0);
  const { readyReplicas = 0, replicas = 0 } = recordAt(current, 'status') as Record<string, number>;
  report(world, DEPLOYMENT, deployment, {
    replicas,
    updatedReplicas: replicas,
    readyReplicas,
    availableReplicas: readyReplicas,
    unavailableReplicas: wanted - readyReplicas,
    conditions: [{ type: 'Available', status: readyReplicas >= wanted ? 'True' : 'False' }],
  });
}

function replicaSetFor(deployment: ApiObject, hash: string): Json {
  const { name, namespace } = deployment.metadata;
  const template = templateOf(deployment);
  const templateMetadata = recordAt(template, 'metadata');
  const labels = { ...recordAt(templateMetadata, 'labels'), [HASH_LABEL]: hash };
  const { matchLabels = {} } = recordAt(recordAt(deployment, 'spec'), 'selector') as { matchLabels?: Json };
  return {
    metadata: { name: `${name}-${hash}`, namespace, labels, ownerReferences: [ownedBy(DEPLOYMENT, deployment)] },
    spec: {
      replicas: replicasOf(deployment),
      selector: { matchLabels: { ...matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...templateMetadata, labels } },
    },
  };
}

function scale(world: World, set: ApiObject, replicas: number): void {
  changeAs(world, REPLICA_SET, set, MANAGER, { spec: { ...recordAt(set, 'spec'), replicas } });
}

function runReplicaSet(world: World, set: ApiObject): void {
  const active = activePodsOf(world, set);
  const wanted = replicasOf(set);
  for (let i = active.length; i < wanted; i++) createAs(world, POD, MANAGER, podFor(REPLICA_SET, set));
  // Those that are of least use go first.
  const surplus = [...active]
    .sort((a, b) => Number(isPodReady(a)) - Number(isPodReady(b)))
    .slice(0, active.length - wanted);
  if (active.length > wanted) for (const pod of surplus) removePod(world, pod);
  const readyReplicas = active.filter(isPodReady).length;
  report(world, REPLICA_SET, set, { replicas: active.length, readyReplicas, availableReplicas: readyReplicas });
}

function runDaemonSet(world: World, set: ApiObject): void {
  const { nodeSelector = {} } = recordAt(templateOf(set), 'spec') as { nodeSelector?: Record<string, string> };
  const nodes = (world.store.list(NODE) as Node[]).filter(({ metadata }) =>
    Object.entries(nodeSelector).every(([key, value]) => metadata.labels?.[key] === value),
  );
  const active = activePodsOf(world, set);
  const nodeOf = (pod: Pod) => pod.spec.nodeName ?? boundTo(pod);
  for (const { metadata } of nodes) {
    if (!active.some((pod) => nodeOf(pod) === metadata.name))
      createAs(world, POD, MANAGER, daemonPod(set, metadata.name));
  }
  const ready = active.filter(isPodReady).length;
  report(world, DAEMON_SET, set, {
    desiredNumberScheduled: nodes.length,
    currentNumberScheduled: active.length,
    updatedNumberScheduled: active.length,
    numberMisscheduled: 0,
    numberReady: ready,
    numberAvailable: ready,
  });
}

function daemonPod(set: ApiObject, node: string): Json {
  const pod = podFor(DAEMON_SET, set);
  const spec = recordAt(pod, 'spec');
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  const required = { nodeSelectorTerms: [{ matchFields }] };
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: required };
  const tolerations = [...((spec.tolerations ?? []) as readonly Json[]), ...DAEMON_TOLERATIONS];
  return { ...pod, spec: { ...spec, affinity: { nodeAffinity }, tolerations } };
}

/** The node that a pod of a DaemonSet is meant for. */
function boundTo({ spec }: Pod): string {
  const required = recordAt(recordAt(spec.affinity, 'nodeAffinity'), 'requiredDuringSchedulingIgnoredDuringExecution');
  const [term] = (required.nodeSelectorTerms ?? []) as readonly { matchFields?: { values: string[] }[] }[];
  return term?.matchFields?.[0]?.values[0] ?? '';
}

function runJob(world: World, job: ApiObject): void {
  const { completions = 1, parallelism = 1 } = recordAt(job, 'spec') as { completions?: number; parallelism?: number };
  const pods = podsOf(world, job);
  const succeeded = pods.filter(({ status }) => status.phase === 'Succeeded').length;
  const active = pods.filter((pod) => !isFinished(pod) && pod.metadata.deletionTimestamp === undefined).length;
  const missing = Math.min(parallelism, completions - succeeded) - active;
  for (let i = 0; i < missing; i++) createAs(world, POD, MANAGER, podFor(JOB, job));
  const isComplete = succeeded >= completions;
  const { startTime = timestamp(world.now()), completionTime = timestamp(world.now()) } = recordAt(job, 'status');
  const conditions = [{ type: 'Complete', status: 'True', lastTransitionTime: completionTime }];
  report(world, JOB, job, { startTime, active, succeeded, ...(isComplete ? { completionTime, conditions } : {}) });
}

function podFor(kind: Kind, owner: ApiObject): Json {
  const template = templateOf(owner);
  const { name, namespace, uid } = owner.metadata;
  const metadata = recordAt(template, 'metadata');
  const jobLabels =
    kind === JOB ? { 'batch.kubernetes.io/job-name': name, 'job-name': name, 'controller-uid': uid } : {};
  return {
    metadata: {
      ...metadata,
      labels: { ...recordAt(metadata, 'labels'), ...jobLabels },
      namespace,
      generateName: `${name}-`,
      ownerReferences: [ownedBy(kind, owner)],
    },
    spec: recordAt(template, 'spec'),
  };
}

function ownedBy(kind: Kind, { metadata }: ApiObject) {
  const { name, uid } = metadata;
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

const podsOf = ({ store }: World, { metadata }: ApiObject) =>
  (store.list(POD, metadata.namespace) as Pod[]).filter((pod) => controllerOf(pod)?.uid === metadata.uid);

const activePodsOf = (world: World, owner: ApiObject) =>
  podsOf(world, owner).filter((pod) => pod.metadata.deletionTimestamp === undefined && !isFinished(pod));

function removePod(world: World, { metadata: { namespace, name, uid } }: Pod): void {
  removeNow(world, { kind: POD, namespace, name }, { preconditions: { uid } }, false);
}

/** The object may just have been changed by this very look. */
function report(world: World, kind: Kind, { metadata }: ApiObject, status: Json): void {
  const now = world.store.get(kind, metadata.namespace, metadata.name);
  if (now?.metadata.uid !== metadata.uid) return;
  const { generation: observedGeneration } = now.metadata;
  changeAs(world, kind, now, MANAGER, { status: { ...(kind === JOB ? {} : { observedGeneration }), ...status } });
}
