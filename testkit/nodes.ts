import type { ApiClient, JsonObject } from '../src/kube/client.ts';
import { ApiError, describeError } from '../src/kube/errors.ts';
import { nodePath, podPath } from '../src/kube/paths.ts';
import { type PodView, viewPod } from './pods.ts';

/** The operations of drainers on a node and its pods. Each drainer uses them in its own order. */

type Client = Pick<ApiClient, 'json'>;

export interface NodePod extends PodView {
  /** The kind of its controller; undefined if it has none. */
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

/** A pod of a DaemonSet, which would create it again. A finished one may be evicted. */
export const isDaemon = (pod: NodePod) => pod.owner === 'DaemonSet' && !isFinished(pod);

/** A mirror pod: its kubelet has the pod from a file, and a delete has no effect. */
export const isMirror = ({ annotations }: PodView) => 'kubernetes.io/config.mirror' in annotations;

/** The pods that a drain evicts. */
export async function podsToEvict(client: Client, node: string, signal: AbortSignal): Promise<NodePod[]> {
  return (await podsOn(client, node, signal)).filter((pod) => !isDaemon(pod) && !isMirror(pod));
}

/** The result of an eviction. `code` is 0 if there was no response. */
export interface EvictionAnswer {
  readonly code: number;
  /** The message of the API server. */
  readonly text: string;
}

/** Rejects only if the signal aborts. */
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

/** The API server's message without the call that it answers. */
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

/** False if the node is cordoned already. */
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

export async function uncordon(client: Client, node: string, signal: AbortSignal): Promise<void> {
  const body = { spec: { unschedulable: null } };
  await client.json({
    method: 'PATCH',
    path: nodePath(node),
    contentType: 'application/merge-patch+json',
    body,
    signal,
  });
}

/** Adds a taint that keeps new pods away from a node: `key` or `key=value`. */
export const taint = (client: Client, node: string, text: string, signal: AbortSignal) =>
  changeTaints(client, node, signal, (taints) => [...taints, { ...keyAndValue(text), effect: 'NoSchedule' }]);

export const untaint = (client: Client, node: string, text: string, signal: AbortSignal) =>
  changeTaints(client, node, signal, (taints) => taints.filter(({ key }) => key !== keyAndValue(text).key));

function keyAndValue(text: string): { readonly key: string; readonly value?: string } {
  const [key = '', value] = text.split('=');
  return { key, ...(value === undefined ? {} : { value }) };
}

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
