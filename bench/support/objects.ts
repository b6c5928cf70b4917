/** Objects as an API server sends them, of the size they have in a cluster: pods of about 5 KB, managed fields included. */
import { encodeEntry, entryKey } from '../../src/policy/entry.ts';
import { samplePod } from './sample-pod.ts';

export const PODS_PER_NAMESPACE = 200;

/** What of a pod varies. `ready` false stands for a pod whose containers restart. */
export interface PodState {
  readonly index: number;
  readonly resourceVersion: number;
  readonly node: string;
  readonly cluster: number;
  readonly ready: boolean;
  /** The value of its label `app`. Absent: as Couchbase's. */
  readonly app?: string;
  /** No profile selects it, and its name is another. */
  readonly unprotected?: true;
}

export const nodeName = (index: number) => `node-${index}.region.compute.internal`;
export const namespaceOf = (podIndex: number) => `team-${Math.floor(podIndex / PODS_PER_NAMESPACE)}`;
export const podName = (index: number) => `cb-${String(index % PODS_PER_NAMESPACE).padStart(4, '0')}`;
/** Pods that no profile selects are of the first namespace. */
export const unprotectedName = (index: number) => `web-${index}`;

/** The index of the pod that has this name; undefined if no pod could. */
export function podIndexOf(namespace: string, name: string): number | undefined {
  const [, group] = /^team-(\d+)$/.exec(namespace) ?? [];
  const [, within] = /^cb-(\d{4,})$/.exec(name) ?? [];
  return group === undefined || within === undefined ? undefined : Number(group) * PODS_PER_NAMESPACE + Number(within);
}

export function unprotectedIndexOf(namespace: string, name: string): number | undefined {
  const [, index] = /^web-(\d+)$/.exec(name) ?? [];
  return namespace !== namespaceOf(0) || index === undefined ? undefined : Number(index);
}

export const clusterName = (index: number) => `cluster-${index}`;
export const uidOf = (kind: number, index: number) =>
  `${kind.toString(16).padStart(8, '0')}-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;

/** One text for all pods, cut at what varies: making a pod is a join, so the stand-in does not hold up what it serves. */
const POD_PIECES = piecesOf(samplePod());
const METADATA_PIECES = piecesOf({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata: samplePod().metadata,
});

function piecesOf(sample: object): readonly string[] {
  return JSON.stringify(sample).split(/@([a-z]+)@/);
}

export const podJson = (pod: PodState): string => fillIn(POD_PIECES, pod);

/** What a real API server sends for `Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1`. */
export const podMetadataJson = (pod: PodState): string => fillIn(METADATA_PIECES, pod);

function fillIn(pieces: readonly string[], pod: PodState): string {
  const values: Record<string, string> = {
    app: pod.unprotected ? 'web' : (pod.app ?? 'couchbase'),
    name: pod.unprotected ? unprotectedName(pod.index) : podName(pod.index),
    namespace: namespaceOf(pod.unprotected ? 0 : pod.index),
    uid: uidOf(pod.unprotected ? 4 : 1, pod.index),
    version: String(pod.resourceVersion),
    cluster: clusterName(pod.cluster),
    node: pod.node,
    ready: pod.ready ? 'True' : 'False',
    at: `2026-11-${String(1 + (pod.resourceVersion % 28)).padStart(2, '0')}T10:00:00Z`,
  };
  let text = '';
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i] as string;
    text += i % 2 === 0 ? piece : values[piece];
  }
  return text;
}

export function nodeJson(index: number, resourceVersion: number, unschedulable: boolean): string {
  const name = nodeName(index);
  const images = Array.from({ length: 20 }, (_, i) => ({
    names: [
      `registry.example/team/image-${i}@sha256:${'ab12'.repeat(16)}`,
      `registry.example/team/image-${i}:1.${i}.0`,
    ],
    sizeBytes: 100_000_000 + i,
  }));
  return JSON.stringify({
    kind: 'Node',
    apiVersion: 'v1',
    metadata: {
      name,
      uid: uidOf(2, index),
      resourceVersion: String(resourceVersion),
      creationTimestamp: '2026-10-01T10:00:00Z',
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/arch': 'amd64', 'topology.kubernetes.io/zone': 'a' },
      annotations: { 'node.alpha.kubernetes.io/ttl': '0' },
    },
    spec: unschedulable
      ? { unschedulable, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] }
      : { podCIDR: '10.0.0.0/24' },
    status: {
      capacity: { cpu: '16', memory: '65843200Ki', pods: '110' },
      allocatable: { cpu: '15', memory: '64843200Ki', pods: '110' },
      conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
        type,
        status: type === 'Ready' ? 'True' : 'False',
        lastHeartbeatTime: '2026-11-01T10:00:00Z',
        lastTransitionTime: '2026-10-01T10:00:00Z',
        reason: 'KubeletReported',
        message: `kubelet reports on ${type}`,
      })),
      images,
    },
  });
}

/** A cluster that reuses names; `entries` are its tracking entries, annotation key to value. */
export function clusterJson(cluster: ClusterFields): string {
  return JSON.stringify({
    apiVersion: 'couchbase.com/v2',
    kind: 'CouchbaseCluster',
    metadata: {
      name: clusterName(cluster.index),
      namespace: cluster.namespace,
      uid: uidOf(3, cluster.index),
      resourceVersion: String(cluster.resourceVersion),
      creationTimestamp: '2026-10-01T10:00:00Z',
      annotations: cluster.entries,
    },
    spec: {
      image: 'couchbase/server:7.6.4',
      upgradeProcess: 'InPlaceUpgrade',
      servers: [{ name: 'all', size: 40, services: ['data', 'index', 'query'] }],
      buckets: { managed: true },
    },
    status: { size: 40, conditions: [{ type: 'Balanced', status: 'True' }] },
  });
}

export interface ClusterFields {
  readonly index: number;
  readonly namespace: string;
  readonly resourceVersion: number;
  readonly entries: Readonly<Record<string, string>>;
}

/** An entry about an earlier instance of the pod of that index. */
export function entryOf(podIndex: number): [key: string, value: string] {
  const namespace = namespaceOf(podIndex);
  const pod = podName(podIndex);
  const at = Date.UTC(2026, 10, 1);
  return [entryKey(namespace, pod), encodeEntry({ uid: uidOf(9, podIndex), node: 'node-before', at, namespace, pod })];
}
