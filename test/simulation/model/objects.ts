import type { JsonObject } from '../../../src/kube/client.ts';
import { RESCHEDULE } from '../../support/raw.ts';
import type { Variant } from '../runs/variant.ts';
import { hasSecondLabel, SECOND_LABEL } from './installations.ts';

/** The true state of one pod, as the API server has it. `raw` is the object that it sends. */
export interface SimPod {
  readonly name: string;
  readonly uid: string;
  /** `member`: the operator's, to be protected. `job`: a backup's, with the same labels. `other`: any other pod. */
  readonly kind: 'member' | 'job' | 'other';
  node?: string;
  boundAt?: number;
  ready: boolean;
  /** Whether it carries the label of the hook's selector. */
  isLabelled: boolean;
  mark?: { readonly value: string; readonly at: number; readonly by: string };
  /** Its default grace period, and the one that the DELETE gave it. */
  readonly graceSeconds: number;
  deletionGraceSeconds?: number;
  deletionDeadline?: number;
  /** When its kubelet should have ended it. */
  overAt?: number;
  finishedAt?: number;
  version: number;
  raw: JsonObject;
}

export interface SimNode {
  readonly name: string;
  readonly uid: string;
  /** Since when it is cordoned. */
  cordonedAt?: number;
  unschedulable: boolean;
  taints: readonly string[];
  version: number;
  raw: JsonObject;
}

/** A tracker. Only its annotations and its version ever change. */
export interface SimTracker {
  readonly path: string;
  readonly uid: string;
  readonly name: string;
  annotations: Readonly<Record<string, string>>;
  version: number;
  raw: JsonObject;
}

/** The wall-clock time at which every run begins. */
export const EPOCH = Date.parse('2026-01-01T00:00:00Z');
export const NAMESPACE = 'db';
/** Another namespace: an entry about its pods counts for nothing on this tracker. */
export const ELSEWHERE = 'elsewhere';
export const NODES = ['n1', 'n2', 'n3'] as const;
/** Pods that the hook does not protect. */
export const OTHERS = ['backup-0', 'web-0'] as const;
const LABELS = {
  member: { app: 'couchbase', couchbase_cluster: 'cb' },
  job: { app: 'couchbase', couchbase_cluster: 'cb' },
  other: { app: 'web' },
};
const OWNERS = {
  member: { apiVersion: 'couchbase.com/v2', kind: 'CouchbaseCluster', name: 'cb', controller: true },
  job: { apiVersion: 'batch/v1', kind: 'Job', name: 'backup', controller: true },
  other: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', controller: true },
};

/** As the API server writes it, of the time since the run began. */
export const instant = (ms: number) => new Date(EPOCH + ms).toISOString();
const second = (ms: number) => instant(Math.floor(ms / 1000) * 1000);

export function rawPod(pod: Omit<SimPod, 'raw'>): JsonObject {
  const { name, uid, version, mark, deletionDeadline, finishedAt } = pod;
  return {
    metadata: {
      namespace: NAMESPACE,
      name,
      uid,
      resourceVersion: `${version}`,
      labels: pod.isLabelled ? labelsOf(pod) : {},
      ownerReferences: [OWNERS[pod.kind]],
      ...(mark === undefined ? {} : { annotations: { [RESCHEDULE]: mark.value }, managedFields: [managed(mark)] }),
      ...(deletionDeadline === undefined
        ? {}
        : { deletionTimestamp: instant(deletionDeadline), deletionGracePeriodSeconds: pod.deletionGraceSeconds }),
    },
    spec: pod.node === undefined ? {} : { nodeName: pod.node },
    status: {
      phase: finishedAt === undefined ? 'Running' : 'Failed',
      conditions: [{ type: 'Ready', status: pod.ready ? 'True' : 'False' }, ...scheduled(pod)],
      ...(finishedAt === undefined
        ? {}
        : { containerStatuses: [{ state: { terminated: { finishedAt: instant(finishedAt) } } }] }),
    },
  };
}

function labelsOf({ kind, name }: Pick<SimPod, 'kind' | 'name'>): object {
  return hasSecondLabel(name) ? { ...LABELS[kind], [SECOND_LABEL]: '' } : LABELS[kind];
}

function managed({ at, by }: { at: number; by: string }): object {
  const fieldsV1 = { 'f:metadata': { 'f:annotations': { [`f:${RESCHEDULE}`]: {} } } };
  return { manager: by, time: instant(at), fieldsV1 };
}

/** In whole seconds, as the API server has it. */
function scheduled({ boundAt }: Pick<SimPod, 'boundAt'>): object[] {
  return boundAt === undefined ? [] : [{ type: 'PodScheduled', status: 'True', lastTransitionTime: second(boundAt) }];
}

export function rawNode(node: Omit<SimNode, 'raw'>): JsonObject {
  const { name, uid, version, unschedulable, cordonedAt } = node;
  const cordon =
    cordonedAt === undefined ? [] : [{ key: 'node.kubernetes.io/unschedulable', timeAdded: second(cordonedAt) }];
  const taints = [...node.taints.map((key) => ({ key })), ...cordon];
  return { metadata: { name, uid, resourceVersion: `${version}` }, spec: { unschedulable, taints } };
}

export function rawTracker({ name, uid, version, annotations }: Omit<SimTracker, 'raw'>, variant: Variant): JsonObject {
  const metadata = { name, uid, resourceVersion: `${version}`, annotations };
  switch (variant.tracking) {
    case 'namespace':
      return { metadata };
    case 'inPlace':
      return { metadata: { ...metadata, namespace: NAMESPACE }, spec: { upgradeProcess: 'InPlaceUpgrade' } };
    case 'upgradePath':
      return {
        metadata: { ...metadata, namespace: NAMESPACE },
        spec: { upgradeProcess: 'SwapRebalance', upgrade: { upgradeProcess: 'InPlaceUpgrade' } },
      };
    default:
      return { metadata: { ...metadata, namespace: NAMESPACE }, spec: {} };
  }
}

export const isTerminatingOrFinished = (pod: SimPod) =>
  pod.deletionDeadline !== undefined || pod.finishedAt !== undefined;
/** The field manager of the hook. */
export const HOOK = 'reschedule-hook';
/** Whether somebody else than the hook marked it. */
export const isMarkedByHand = ({ mark }: Pick<SimPod, 'mark'>) => mark?.value === 'true' && mark.by !== HOOK;
/** Whether an installation of the hook must protect it while it lives. */
export const isToProtect = (pod: SimPod) => pod.kind === 'member' && pod.isLabelled;
export const isUnfinished = (pod: SimPod) => pod.finishedAt === undefined;
/** The number in a UID, which counts instances in the order of their creation. */
export const ordinalOf = (uid: string) => Number(uid.slice(uid.lastIndexOf('#') + 1));
/** Whether rule S1 protects it. */
export const isProtected = (pod: SimPod) => isToProtect(pod) && !isTerminatingOrFinished(pod);

/** The displayed form of a name: long ones are cut. */
export const shown = (name: string) => name.replace(/-x+$/, '..');
