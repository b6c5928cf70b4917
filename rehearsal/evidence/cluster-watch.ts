import type { ApiClient } from '../../src/kube/client.ts';
import type { Cleanup } from '../../testkit/cleanup.ts';
import type { PodView } from '../../testkit/pods.ts';
import type { Evidence } from './evidence.ts';
import { watchNodes } from './node-watch.ts';
import { PodWatch } from './pod-watch.ts';
import { watchPrunes } from './without-hook-log/prune-events.ts';

export interface ClusterWatch {
  readonly client: ApiClient;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly labelSelector: string | undefined;
  /** The nodes that count; undefined: all. */
  readonly nodes: readonly string[] | undefined;
  /** False: entries that are pruned are seen by the hook's Events. */
  readonly hasHookLog: boolean;
  readonly evidence: Evidence;
  readonly signal: AbortSignal;
  readonly cleanup: Cleanup;
  /** Is given each look at a pod, and at a node. */
  readonly onPod?: (pod: PodView) => void;
  readonly onNode?: (name: string, isCordoned: boolean, pods: PodWatch) => void;
}

/** Of pods, and of nodes. An API server that does not answer for so long has another trouble. */
export const LISTED_WITHIN_MS = 60_000;

/** Watches pods and nodes for the evidence. Resolves once the pods that exist now are known. `cleanup` ends it. */
export async function watchCluster(options: ClusterWatch): Promise<PodWatch> {
  const { client, namespace, labelSelector, nodes, hasHookLog, evidence, signal, cleanup, onPod, onNode } = options;
  const pods = new PodWatch({
    client,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    onSeen: (pod, before) => {
      onPod?.(pod);
      evidence.podSeen(pod, before);
    },
    onChange: (change, pod) => evidence.podChanged(change, pod),
    onTrouble: (message, fields) => evidence.watchTrouble(message, fields),
  });
  cleanup.defer(() => pods.stop());
  await pods.start({ timeoutMs: LISTED_WITHIN_MS, signal });
  if (!hasHookLog) cleanup.defer(watchPrunes(client, namespace, evidence.recorder, evidence.timeline));
  const seen = (name: string, isCordoned: boolean, isDraining: boolean) => {
    if (nodes?.includes(name) === false) return;
    evidence.nodeSeen(name, isCordoned, isDraining);
    onNode?.(name, isCordoned, pods);
  };
  cleanup.defer(watchNodes(client, seen));
  return pods;
}
