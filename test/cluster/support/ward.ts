import type { JsonObject } from '../../../src/kube/client.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { createCluster, createNamespace, createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import type { Rig } from './rig.ts';
import { addNode } from './scene.ts';

export const RESCHEDULE = 'cao.couchbase.com/reschedule';
export const MERGE_PATCH = 'application/merge-patch+json';

/** A namespace with one draining node and selected pods on it that nobody moves: each answer about them is 429. */
export interface Ward {
  readonly namespace: string;
  readonly node: string;
  /** The pods that may be asked about; see addPod. */
  readonly pods: readonly string[];
  /**
   * A selected pod on the draining node, running unless that is not waited for. A `quiet` one is not to be asked about, so
   * it is not in `pods`.
   */
  addPod(name: string, options?: { quiet?: boolean; running?: boolean }): Promise<void>;
  askAbout(name: string): void;
  /** Puts the reschedule annotation on a pod as an administrator would. */
  markByHand(name: string): Promise<void>;
  /** A CouchbaseCluster that reuses names. `cb` is the one that the pods belong to. */
  addCluster(name: string): Promise<JsonObject>;
}

export interface WardOptions {
  /** Default true: the cluster `cb` exists. */
  readonly cluster?: boolean;
  readonly pods?: readonly string[];
}

export async function aWard(rig: Rig, namespace: string, options: WardOptions = {}): Promise<Ward> {
  const { client } = rig;
  const node = `${namespace}-node`;
  const pods: string[] = [];
  const ward: Ward = {
    namespace,
    node,
    pods,
    async addPod(name, { quiet = false, running = true } = {}) {
      const labels = { app: 'couchbase', couchbase_cluster: 'cb' };
      await createPod(client, { namespace, name, node, labels });
      if (!quiet) pods.push(name);
      if (running) await waitForPod(client, { namespace, name });
    },
    askAbout: (name) => void pods.push(name),
    async markByHand(name) {
      const body = { metadata: { annotations: { [RESCHEDULE]: 'true' } } };
      await client.json({ method: 'PATCH', path: podPath(namespace, name), contentType: MERGE_PATCH, body });
    },
    addCluster: (name) => createCluster(client, { namespace, name, size: 0, process: 'InPlaceUpgrade' }),
  };
  await createNamespace(client, namespace);
  await addNode(rig, node, namespace, true);
  if (options.cluster !== false) await ward.addCluster('cb');
  await Promise.all((options.pods ?? ['known', 'marked']).map((name) => ward.addPod(name)));
  return ward;
}
