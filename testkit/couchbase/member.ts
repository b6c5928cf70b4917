import type { JsonObject } from '../../src/kube/client.ts';
import { type PodView, viewPod } from '../pods.ts';
import { apiVersionOf, type ResourceKind } from './couchbasecluster-crd.ts';

/** A pod of a cluster. */
export interface Member extends PodView {
  /** Its number in the cluster, which its name says. */
  readonly index: number;
  readonly finalizers: readonly string[];
}

/** The number that the name of a member says; undefined for the name of any other pod. */
export type IndexOf = (cluster: string, pod: string) => number | undefined;

/** The parts of a stand-in's custom resource that its operator reads. */
export interface ClusterView {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly size: number;
  /** Paused or hibernating: the operator does nothing. */
  readonly paused: boolean;
  readonly process: Process;
  /** False: the data is not in order, and the operator must not take a member away. */
  readonly isInSync: boolean;
  /** The members in the status, whether or not their pods exist. */
  readonly known: readonly string[];
  /** The lowest index that no member ever had. */
  readonly nextIndex: number;
  readonly status: JsonObject;
  readonly raw: JsonObject;
}

/**
 * How a member is moved. `in-place`: it goes, and its name comes back. `swap`: one with a new name comes first, and stays.
 * `surge`: one more comes first and goes at the end, and the name of the moved member comes back.
 */
export type Process = 'in-place' | 'swap' | 'surge';

const IN_PLACE = ['InPlaceUpgrade', 'DeltaRecovery'];
export const READINESS_GATE = 'pod.couchbase.com/readiness';

interface RawCluster {
  readonly metadata?: { readonly namespace?: string; readonly name?: string; readonly uid?: string };
  readonly spec?: {
    readonly size?: number;
    readonly paused?: boolean;
    readonly hibernate?: boolean;
    readonly upgradeProcess?: string;
    readonly upgrade?: { readonly upgradeProcess?: string };
    readonly dataInSync?: boolean;
  };
  readonly status?: JsonObject & {
    readonly members?: { readonly ready?: readonly string[]; readonly unready?: readonly string[] };
    readonly nextMemberIndex?: number;
  };
}

export function viewCluster(raw: JsonObject): ClusterView {
  const { metadata = {}, spec = {}, status = {} } = raw as RawCluster;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    size: spec.size ?? 0,
    paused: spec.paused === true || spec.hibernate === true,
    process: processOf(spec),
    isInSync: spec.dataInSync !== false,
    known: [...(status.members?.ready ?? []), ...(status.members?.unready ?? [])].sort(),
    nextIndex: status.nextMemberIndex ?? 0,
    status,
    raw,
  };
}

/** The older field counts only if the newer one is absent. */
function processOf(spec: NonNullable<RawCluster['spec']>): Process {
  const process = (spec.upgrade ?? spec).upgradeProcess;
  return process !== undefined && IN_PLACE.includes(process) ? 'in-place' : 'swap';
}

export function memberName(cluster: string, index: number): string {
  return `${cluster}-${String(index).padStart(4, '0')}`;
}

export const couchbaseIndex: IndexOf = (cluster, pod) => {
  const digits = pod.slice(cluster.length + 1);
  return pod.startsWith(`${cluster}-`) && /^\d{4,}$/.test(digits) ? Number(digits) : undefined;
};

/** The pod as a member of that cluster; undefined if its name is not a member's. */
export function viewMember(cluster: string, raw: JsonObject, indexOf: IndexOf = couchbaseIndex): Member | undefined {
  const pod = viewPod(raw);
  const index = indexOf(cluster, pod.name);
  const { finalizers = [] } = (raw.metadata ?? {}) as { readonly finalizers?: readonly string[] };
  return index === undefined ? undefined : { ...pod, index, finalizers };
}

export interface PodManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: Record<string, unknown>;
  readonly spec: Record<string, unknown>;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

/** The labels that the real operator gives a member. */
export function couchbaseLabels(cluster: string, pod: string): Record<string, string> {
  return {
    app: 'couchbase',
    couchbase_server: 'true',
    couchbase_cluster: cluster,
    couchbase_node: pod,
    couchbase_node_conf: 'default',
    couchbase_service_data: 'enabled',
  };
}

/** The owner reference to the cluster, as the controller of its members. */
export function clusterOwner({ name, uid }: ClusterView, kind: ResourceKind): OwnerReference {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, name, uid, controller: true };
}

export interface MemberOptions {
  readonly labels: (cluster: string, pod: string) => Record<string, string>;
  readonly owner: OwnerReference | undefined;
  readonly readinessGate: boolean;
  readonly finalizers?: readonly string[] | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Names of two members: labels that these share are those of all. */
  readonly examples: readonly [string, string];
}

/** The manifest of one member's pod. It runs nothing, because the nodes of a rehearsal have no container runtime. */
export function memberManifest(cluster: ClusterView, pod: string, options: MemberOptions): PodManifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: cluster.namespace,
      name: pod,
      labels: options.labels(cluster.name, pod),
      ...(options.owner ? { ownerReferences: [options.owner] } : {}),
      ...(options.finalizers ? { finalizers: options.finalizers } : {}),
      ...(options.annotations ? { annotations: options.annotations } : {}),
    },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      ...(options.readinessGate ? { readinessGates: [{ conditionType: READINESS_GATE }] } : {}),
      affinity: { podAntiAffinity: apart(cluster, options) },
      containers: [{ name: 'server', image: 'registry.k8s.io/pause:3.10' }],
    },
  };
}

/**
 * Keeps members on different nodes: required with `spec.antiAffinity`, otherwise only preferred, so that few nodes are
 * enough.
 */
function apart({ name, raw }: ClusterView, { labels, examples }: MemberOptions): Record<string, unknown> {
  const [one, other] = [labels(name, examples[0]), labels(name, examples[1])];
  const matchLabels = Object.fromEntries(Object.entries(one).filter(([key, value]) => other[key] === value));
  const term = { labelSelector: { matchLabels }, topologyKey: 'kubernetes.io/hostname' };
  const isMust = (raw.spec as { antiAffinity?: boolean } | undefined)?.antiAffinity === true;
  return isMust
    ? { requiredDuringSchedulingIgnoredDuringExecution: [term] }
    : { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term }] };
}
