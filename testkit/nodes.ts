import type { ApiClient, JsonObject } from '../src/kube/client.ts';
import { ApiError, describeError } from '../src/kube/errors.ts';
import { nodePath, podPath } from '../src/kube/paths.ts';
import { type PodView, viewPod } from './pods.ts';

/** What drainers do to a node and its pods, each in its own order. */

type Client = Pick<ApiClient, 'json'>;

export interface NodePod extends PodView {
  /** The kind of its controller; undefined where it has none. */
  readonly owner: string | undefined;
}

export async function podsOn(client: Client, node: string, signal: AbortSignal): Promise<NodePod[]> {
  const query = { fieldSelector: `spec.nodeName=${node}` };
  const { items } = await client.json({ method: 'GET', path: '/api/v1/pods', query, signal });
  return (items as readonly JsonObject[]).map((raw) => ({ ...viewPod(raw), owner: controllerKind(raw) }));
}

function controllerKind(raw: JsonObject): string | undefined {
  const { ownerReferences = [] } = (raw.metadata ?? {}) as {
    ownerReferences?: { readonly kind: string; readonly controller?: boolean }[];
  };
  return ownerReferences.find(({ controller }) => controller === true)?.kind;
}

export const isFinished = ({ phase }: PodView) => phase === 'Succeeded' || phase === 'Failed';

/** Of a DaemonSet, which would put it there again. One that is finished may go. */
export const isDaemon = (pod: NodePod) => pod.owner === 'DaemonSet' && !isFinished(pod);

/** The picture of a pod that its kubelet has from a file: deleting it does nothing. */
export const isMirror = ({ annotations }: PodView) => 'kubernetes.io/config.mirror' in annotations;

/** The pods that a drain is about. */
export async function podsToEvict(client: Client, node: string, signal: AbortSignal): Promise<NodePod[]> {
  return (await podsOn(client, node, signal)).filter((pod) => !isDaemon(pod) && !isMirror(pod));
}

/** What came of an eviction; `code` is 0 where there was no answer. */
export interface EvictionAnswer {
  readonly code: number;
  /** In the words of the API server. */
  readonly text: string;
}

/** Rejects only where the signal aborts. */
export async function evict(
  client: Client,
  { namespace, name }: PodView,
  body: JsonObject,
  signal: AbortSignal,
): Promise<EvictionAnswer> {
  try {
    await client.json({ method: 'POST', path: `${podPath(namespace, name)}/eviction`, body, signal });
    return { code: 201, text: 'evicted' };
  } catch (error) {
    signal.throwIfAborted();
    return { code: error instanceof ApiError ? error.code : 0, text: wordsOf(error) };
  }
}

/** An answer as the API server gave it, without what it was an answer to. */
export const wordsOf = (error: unknown) => describeError(error).replace(/^.*?: \d+ /, '');

interface Taint {
  readonly key: string;
  readonly effect: string;
}

interface NodeSpec {
  readonly unschedulable?: boolean;
  readonly taints?: readonly Taint[];
}

async function specOf(client: Client, node: string, signal: AbortSignal): Promise<NodeSpec> {
  const { spec = {} } = await client.json({ method: 'GET', path: nodePath(node), signal });
  return spec as NodeSpec;
}

/** False where it is cordoned already. */
export async function cordon(client: Client, node: string, signal: AbortSignal): Promise<boolean> {
  if ((await specOf(client, node, signal)).unschedulable) return false;
  await client.json({
    method: 'PATCH',
    path: nodePath(node),
    query: { fieldManager: 'kubectl-cordon' },
    contentType: 'application/strategic-merge-patch+json',
    body: { spec: { unschedulable: true } },
    signal,
  });
  return true;
}

/** Puts a taint on a node that keeps new pods away. */
export const taint = (client: Client, node: string, key: string, signal: AbortSignal) =>
  changeTaints(client, node, signal, (taints) => [...taints, { key, effect: 'NoSchedule' }]);

export const untaint = (client: Client, node: string, key: string, signal: AbortSignal) =>
  changeTaints(client, node, signal, (taints) => taints.filter((one) => one.key !== key));

async function changeTaints(
  client: Client,
  node: string,
  signal: AbortSignal,
  change: (taints: readonly Taint[]) => readonly Taint[],
): Promise<void> {
  const { taints = [] } = await specOf(client, node, signal);
  await client.json({
    method: 'PATCH',
    path: nodePath(node),
    contentType: 'application/merge-patch+json',
    body: { spec: { taints: change(taints) } },
    signal,
  });
}
