import type { ApiClient, JsonObject } from '../../src/kube/client.ts';
import { encodeEntry, entryKey } from '../../src/policy/entry.ts';
import { connect } from '../../testkit/connect.ts';
import { startControlPlane } from '../../testkit/control-plane/control-plane.ts';
import { installClusterDefinition } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import { createCluster, createNamespace, createPod } from '../../testkit/couchbase/workload.ts';
import { cordon } from '../../testkit/nodes.ts';
import type { Context } from './context.ts';

export const NAMESPACE = 'bench';
const CLUSTERS = 20;
/** Pods of each kind that are asked for again and again. */
export const EACH = 20;
/** Pods that are good for one answer each. With the waiting and the released ones 1,000 are selected. */
export const FRESH = 960;
const AT_ONCE = 16;

/** The names of pods in every state that an eviction is measured for, with tracking resources that are theirs alone. */
export interface Pods {
  /** Marked, and with an entry about themselves, as the hook leaves them. */
  readonly waiting: readonly string[];
  /** No profile selects them. */
  readonly unprotected: readonly string[];
  /** With an entry about an earlier instance. */
  readonly released: readonly string[];
  /** Never evicted before: each is good for one first mark. */
  readonly fresh: readonly string[];
}

export interface ApiAccess {
  /** https://HOST:PORT */
  readonly server: string;
  /** PEM of its certificate authority. */
  readonly caData: string;
  readonly token: string;
}

/** A real control plane with the pods that the hook is asked about. */
export interface World {
  readonly kubeconfigPath: string;
  readonly client: ApiClient;
  /** How to reach the API server without a kubeconfig, as an administrator. */
  readonly access: ApiAccess;
  /** The node that is being drained: pods that wait, or are to be marked, stand there. */
  readonly drained: string;
  /** Where the others are. */
  readonly calm: string;
  readonly pods: Pods;
}

export async function createWorld(context: Context): Promise<World> {
  const { progress, signal } = context;
  progress('starting a control plane');
  const cluster = await startControlPlane({ nodes: 2, log: progress, signal });
  context.defer(() => cluster.stop());
  const { client, close } = await connect(cluster.kubeconfigPath);
  context.defer(close);
  await installClusterDefinition(client, undefined, { signal });
  await createNamespace(client, NAMESPACE);
  const [drained = '', calm = ''] = cluster.nodes;
  await cordon(client, drained, signal);
  const access = { server: cluster.server, caData: cluster.caData, token: cluster.adminToken };
  const place = { kubeconfigPath: cluster.kubeconfigPath, client, access, drained, calm };
  progress('creating pods');
  return { ...place, pods: await createPods(place, '', EACH) };
}

/**
 * Pods for another hook. What one hook writes the other would read: an entry that is gone, a pod that is marked. Where that
 * hook takes an entry away when it answers, a released pod is good for one answer.
 */
export function createPodsOfOther(context: Context, world: World): Promise<Pods> {
  context.progress('creating pods for the other hook');
  return createPods(world, 'other-', FRESH);
}

async function createPods(
  { client, drained, calm }: Omit<World, 'pods'>,
  prefix: string,
  released: number,
): Promise<Pods> {
  const clusters = Array.from({ length: CLUSTERS }, (_, i) => ({ name: `${prefix}cluster-${i}`, annotations: {} }));
  const create = async (kind: keyof Pods, count: number) => {
    const names = Array.from({ length: count }, (_, i) => `${prefix}${kind}-${i}`);
    const node = kind === 'waiting' || kind === 'fresh' ? drained : calm;
    await inParallel(names, async (name, index) => {
      const { name: cluster, annotations } = clusters[index % CLUSTERS] as (typeof clusters)[number];
      const pod = await createPod(client, { namespace: NAMESPACE, name, node, ...metadataOf(kind, cluster) });
      Object.assign(annotations, entryFor(kind, pod.metadata, node));
    });
    return names;
  };
  const pods = {
    waiting: await create('waiting', EACH),
    unprotected: await create('unprotected', EACH),
    released: await create('released', released),
    fresh: await create('fresh', FRESH),
  };
  for (const cluster of clusters) {
    await createCluster(client, { namespace: NAMESPACE, process: 'InPlaceUpgrade', ...cluster });
  }
  return pods;
}

function metadataOf(kind: keyof Pods, cluster: string) {
  const labels: Record<string, string> =
    kind === 'unprotected' ? { app: 'web' } : { app: 'couchbase', couchbase_cluster: cluster };
  const annotations: Record<string, string> = kind === 'waiting' ? { 'cao.couchbase.com/reschedule': 'true' } : {};
  return { labels, annotations };
}

/** The annotation that a pod's tracking resource has for it, where it has one. */
export function entryFor(kind: keyof Pods, pod: { name: string; uid: string }, node: string): Record<string, string> {
  if (kind !== 'waiting' && kind !== 'released') return {};
  const instance = kind === 'waiting' ? { uid: pod.uid, node } : { uid: crypto.randomUUID(), node: 'node-before' };
  const value = encodeEntry({ ...instance, at: Date.now(), namespace: NAMESPACE, pod: pod.name });
  return { [entryKey(NAMESPACE, pod.name)]: value };
}

/** Changes the fresh pods in turn, as fast as the API server takes it. Resolves to the change that came last. */
export async function changePods({ client, pods }: World, count: number): Promise<{ name: string; version: number }> {
  let last = { name: '', version: 0 };
  const changes = Array.from({ length: count }, (_, i) => pods.fresh[i % pods.fresh.length] ?? '');
  await inParallel(changes, async (name, index) => {
    const pod = await client.json({
      method: 'PATCH',
      path: `/api/v1/namespaces/${NAMESPACE}/pods/${name}`,
      contentType: 'application/merge-patch+json',
      body: { metadata: { annotations: { 'bench.example/change': String(index) } } },
    });
    const version = Number((pod.metadata as JsonObject).resourceVersion);
    if (version > last.version) last = { name, version };
  });
  return last;
}

async function inParallel<T>(items: readonly T[], work: (item: T, index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const hand = async () => {
    while (next < items.length) {
      const index = next++;
      await work(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, hand));
}
