import type { JsonObject } from '../../../src/kube/client.ts';
import { ENTRY_PREFIX } from '../../../src/policy/entry.ts';
import { DRAIN_CONDITION, type Variant } from '../runs/variant.ts';
import { isCarrying, isMarkValue, REQUIRED, SHARD, type SimProfile } from './families.ts';
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
  /** The first profile that selects it; undefined if none does, or if it is no member. */
  readonly profile?: SimProfile | undefined;
  /** Its labels, as long as it has them. */
  readonly labels: Readonly<Record<string, string>>;
  /** The annotation of its profile. `isShared`: somebody else applies it, too. */
  mark?: { readonly value: string; readonly at: number; readonly by: string; readonly isShared?: true };
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
  /** And `DRAIN_CONDITION`, which is a condition. Here it keeps new pods away, too. */
  taints: readonly string[];
  version: number;
  raw: JsonObject;
}

/** A tracker. Only its annotations and its version ever change. */
export interface SimTracker {
  /** `others`: the Namespace or a ConfigMap, if another kind is the tracker of the variant. */
  readonly kind: 'trackers' | 'others';
  /** Of a ConfigMap of the hook, as that created it. */
  readonly created?: JsonObject;
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
/** The namespace of the hook, with its ConfigMaps. */
export const HOME = 'hook';
/** Another namespace: an entry about its pods counts for nothing on this tracker. */
export const ELSEWHERE = 'elsewhere';
export const NODES = ['n1', 'n2', 'n3'] as const;
/** Pods that the hook does not protect. */
export const OTHERS = ['backup-0', 'web-0'] as const;
const LABELS = {
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
  const { name, uid, version, deletionDeadline, finishedAt } = pod;
  return {
    metadata: {
      namespace: NAMESPACE,
      name,
      uid,
      resourceVersion: `${version}`,
      labels: pod.isLabelled ? pod.labels : {},
      ownerReferences: [OWNERS[pod.kind]],
      ...annotated(pod),
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

/** Those of its family, if it is a member. */
export function labelsOf(
  kind: SimPod['kind'],
  name: string,
  family: { readonly app: string; readonly shard?: string } | undefined,
): Record<string, string> {
  if (kind !== 'member') return LABELS[kind];
  const { app = 'nobody', shard } = family ?? {};
  return {
    app,
    ...(app === 'couchbase' ? { couchbase_cluster: 'cb' } : {}),
    ...(shard === undefined ? {} : { [SHARD]: shard }),
    ...(hasSecondLabel(name) ? { [SECOND_LABEL]: '' } : {}),
  };
}

function annotated({ kind, name, profile, mark, labels }: Omit<SimPod, 'raw'>): object {
  // Couchbase's pods are as they have always been.
  const required = kind === 'member' && labels.app !== 'couchbase' && isCarrying(name) ? { [REQUIRED]: '' } : {};
  if (mark === undefined || profile === undefined) {
    return Object.keys(required).length === 0 ? {} : { annotations: required };
  }
  const { key } = profile.mark;
  const managers = mark.isShared ? [mark.by, 'kubectl-apply'] : [mark.by];
  return {
    annotations: { ...required, [key]: mark.value },
    managedFields: managers.map((by) => managed(key, mark.at, by)),
  };
}

function managed(key: string, at: number, manager: string): object {
  const fieldsV1 = { 'f:metadata': { 'f:annotations': { [`f:${key}`]: {} } } };
  return { manager, time: instant(at), fieldsV1 };
}

/** In whole seconds, as the API server has it. */
function scheduled({ boundAt }: Pick<SimPod, 'boundAt'>): object[] {
  return boundAt === undefined ? [] : [{ type: 'PodScheduled', status: 'True', lastTransitionTime: second(boundAt) }];
}

export function rawNode(node: Omit<SimNode, 'raw'>): JsonObject {
  const { name, uid, version, unschedulable, cordonedAt } = node;
  const cordon =
    cordonedAt === undefined ? [] : [{ key: 'node.kubernetes.io/unschedulable', timeAdded: second(cordonedAt) }];
  const [conditions, keys] = [true, false].map((is) => node.taints.filter((sign) => (sign === DRAIN_CONDITION) === is));
  const taints = [...(keys ?? []).map((key) => ({ key })), ...cordon];
  return {
    metadata: { name, uid, resourceVersion: `${version}` },
    spec: { unschedulable, taints },
    status: { conditions: conditions?.map((type) => ({ type, status: 'True' })) ?? [] },
  };
}

export function rawTracker(
  { kind, name, uid, version, annotations, created }: Omit<SimTracker, 'raw'>,
  variant: Variant,
): JsonObject {
  if (created !== undefined) {
    const data = Object.entries(annotations).map(([key, value]) => [key.slice(ENTRY_PREFIX.length), value]);
    const metadata = { ...(created.metadata as object), uid, resourceVersion: `${version}` };
    return { metadata, data: Object.fromEntries(data) };
  }
  const metadata = { name, uid, resourceVersion: `${version}`, annotations };
  switch (kind === 'others' ? 'namespace' : variant.tracking) {
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
/** Whether it has the mark of its profile. */
export function isMarked(pod: Omit<SimPod, 'raw'>): boolean {
  const { profile, mark, labels } = pod;
  return profile !== undefined && mark !== undefined && isMarkValue(profile, labels.app ?? '', mark.value, pod);
}
/** Whether somebody else than the hook marked it. */
export const isMarkedByHand = (pod: Omit<SimPod, 'raw'>) => isMarked(pod) && pod.mark?.by !== HOOK;
export const isMarkedByHook = (pod: Omit<SimPod, 'raw'>) => isMarked(pod) && pod.mark?.by === HOOK;
/** Whether an installation of the hook must protect it while it lives. */
export const isToProtect = (pod: SimPod) => pod.profile !== undefined && pod.isLabelled;
export const isUnfinished = (pod: SimPod) => pod.finishedAt === undefined;
/** The number in a UID, which counts instances in the order of their creation. */
export const ordinalOf = (uid: string) => Number(uid.slice(uid.lastIndexOf('#') + 1));
/** Whether rule S1 protects it. */
export const isProtected = (pod: SimPod) => isToProtect(pod) && !isTerminatingOrFinished(pod);

/** The displayed form of a name: long ones are cut. */
export const shown = (name: string) => name.replace(/-x+$/, '..');
