import type { ApiClient } from '../../src/kube/client.ts';
import { encodeEntry, entryKey } from '../../src/policy/entry.ts';
import { connect } from '../../src/rehearsal/connect.ts';
import { installClusterDefinition } from '../../src/rehearsal/couchbasecluster-crd.ts';
import { createCluster, createNamespace, createPod } from '../../src/rehearsal/workload.ts';
import { startControlPlane } from '../../test/cluster/control-plane.ts';
import type { Context } from './context.ts';

export const NAMESPACE = 'bench';
const CLUSTERS = 20;
/** Pods of each kind that are asked for again and again. */
const EACH = 16;
const AT_ONCE = 16;

/** A real control plane with pods in every state that an eviction is measured for. */
export interface World {
  readonly kubeconfigPath: string;
  readonly waiting: readonly string[];
  readonly unselected: readonly string[];
  readonly released: readonly string[];
  /** Never evicted before: each is good for one first mark. */
  readonly fresh: readonly string[];
  /** The same for another hook; none where there is no other hook. */
  readonly freshForOther: readonly string[];
}

export async function createWorld(context: Context, freshPods: number, isOtherHookMeasured: boolean): Promise<World> {
  const { progress, signal } = context;
  progress('starting a control plane');
  const cluster = await startControlPlane({ nodes: 2, log: progress, signal });
  context.defer(() => cluster.stop());
  const { client, close } = await connect(cluster.kubeconfigPath);
  context.defer(close);
  await installClusterDefinition(client, undefined, { signal });
  await createNamespace(client, NAMESPACE);
  const world = {
    kubeconfigPath: cluster.kubeconfigPath,
    waiting: names('waiting', EACH),
    unselected: names('unselected', EACH),
    released: names('released', EACH),
    fresh: names('fresh', freshPods),
    freshForOther: names('other', isOtherHookMeasured ? freshPods : 0),
  };
  await createClusters(client, world.released);
  const node = cluster.nodes[0] ?? '';
  const pods = [...world.waiting, ...world.unselected, ...world.released, ...world.fresh, ...world.freshForOther];
  progress(`creating ${pods.length} pods`);
  await inParallel(pods, (name, index) => {
    const labels: Record<string, string> = name.startsWith('unselected')
      ? { app: 'web' }
      : { app: 'couchbase', couchbase_cluster: clusterOf(index) };
    const annotations: Record<string, string> = name.startsWith('waiting')
      ? { 'cao.couchbase.com/reschedule': 'true' }
      : {};
    return createPod(client, { namespace: NAMESPACE, name, labels, annotations, node });
  });
  return world;
}

/** The index is that of the pod among all pods; released ones come third. */
async function createClusters(client: ApiClient, released: readonly string[]): Promise<void> {
  const entries = new Map<string, Record<string, string>>();
  released.forEach((pod, i) => {
    const cluster = clusterOf(2 * EACH + i);
    const value = encodeEntry({
      uid: crypto.randomUUID(),
      node: 'node-before',
      at: Date.now(),
      namespace: NAMESPACE,
      pod,
    });
    entries.set(cluster, { ...entries.get(cluster), [entryKey(NAMESPACE, pod)]: value });
  });
  for (let i = 0; i < CLUSTERS; i++) {
    const name = clusterOf(i);
    const annotations = entries.get(name) ?? {};
    await createCluster(client, { namespace: NAMESPACE, name, process: 'InPlaceUpgrade', annotations });
  }
}

const clusterOf = (index: number) => `cluster-${index % CLUSTERS}`;
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

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

/** How many pods the hook's selector matches. */
export function selectedPods({ waiting, released, fresh, freshForOther }: World): number {
  return waiting.length + released.length + fresh.length + freshForOther.length;
}
