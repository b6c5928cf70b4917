import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, JsonObject } from '../../kube/client.ts';
import { ApiError, describeError } from '../../kube/errors.ts';
import { nodePath, podPath } from '../../kube/paths.ts';
import { type PodView, viewPod } from '../pods.ts';
import type { Drainer, DrainRequest } from './drainer.ts';

/** How a drainer works that lists the node's pods again and again, and is done when none is left. */
interface Habits {
  readonly name: string;
  readonly voice: string;
  /** The taint by which it marks the node; absent: it cordons. */
  readonly taint?: string;
  readonly body: (pod: PodView) => JsonObject;
  /** Between two looks at the node. */
  readonly everyMs: number;
  /** One pod after the other, and one try each per look. */
  readonly isSerial: boolean;
}

/** Names the instance it means, leaves the namespace out of the body, taints and does not cordon. */
const KARPENTER: Habits = {
  name: 'built-in, like Karpenter',
  voice: 'karpenter',
  taint: 'karpenter.sh/disrupted',
  body: ({ name, uid }) => ({
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name },
    deleteOptions: { preconditions: { uid } },
  }),
  everyMs: 1_000,
  isSerial: false,
};

/** Taints and does not cordon, as before 1.34; speaks the older version of the API. */
const CLUSTER_AUTOSCALER: Habits = {
  name: 'built-in, like cluster-autoscaler',
  voice: 'scaler',
  taint: 'ToBeDeletedByClusterAutoscaler',
  body: ({ name, namespace }) => ({ apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata: { name, namespace } }),
  everyMs: 10_000,
  isSerial: false,
};

/** Cordons, and evicts by name, one pod after the other. */
const CLUSTER_API: Habits = {
  name: 'built-in, like Cluster API',
  voice: 'capi',
  body: ({ name, namespace }) => ({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } }),
  everyMs: 20_000,
  isSerial: true,
};

export const karpenterLikeDrainer = (client: ApiClient) => drainerOf(client, KARPENTER);
export const autoscalerLikeDrainer = (client: ApiClient) => drainerOf(client, CLUSTER_AUTOSCALER);
export const clusterApiLikeDrainer = (client: ApiClient) => drainerOf(client, CLUSTER_API);

function drainerOf(client: ApiClient, habits: Habits): Drainer {
  const { name, voice } = habits;
  return { name, voice, drain: (request) => drain(client, habits, request) };
}

/** Resolves to 0 once the node has no pod left. */
async function drain(client: ApiClient, habits: Habits, request: DrainRequest): Promise<number> {
  const { node, timeoutMs, onLine } = request;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline;
  const evict = async (pod: PodView) => {
    const answer = await post(client, pod, habits.body(pod), signal);
    onLine?.(`evicting pod ${pod.namespace}/${pod.name}: ${answer}`, 'stdout');
  };
  try {
    await markNode(client, node, habits.taint, signal);
    for (;;) {
      const pods = await podsOn(client, node, signal);
      if (pods.length === 0) return 0;
      await evictAll(
        pods.filter(({ terminating }) => !terminating),
        habits,
        evict,
      );
      await sleep(habits.everyMs, undefined, { signal });
    }
  } catch (error) {
    onLine?.(`error: unable to drain node "${node}": ${describeError(error)}`, 'stderr');
    return 1;
  }
}

async function evictAll(pods: readonly PodView[], { isSerial }: Habits, evict: (pod: PodView) => Promise<void>) {
  if (!isSerial) await Promise.all(pods.map(evict));
  else for (const pod of pods) await evict(pod);
}

/** Whatever the answer is, the next look at the node decides. */
async function post(client: ApiClient, { namespace, name }: PodView, body: JsonObject, signal: AbortSignal) {
  try {
    await client.json({ method: 'POST', path: `${podPath(namespace, name)}/eviction`, body, signal });
    return 'evicted';
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.message.replace(/^.*?: \d+ /, '');
  }
}

async function markNode(client: ApiClient, node: string, taint: string | undefined, signal: AbortSignal) {
  const { spec = {} } = (await client.json({ method: 'GET', path: nodePath(node), signal })) as {
    spec?: { taints?: readonly JsonObject[] };
  };
  const added = { key: taint ?? '', effect: 'NoSchedule' };
  await client.json({
    method: 'PATCH',
    path: nodePath(node),
    contentType: 'application/merge-patch+json',
    body: { spec: taint === undefined ? { unschedulable: true } : { taints: [...(spec.taints ?? []), added] } },
    signal,
  });
}

async function podsOn(client: ApiClient, node: string, signal: AbortSignal): Promise<PodView[]> {
  const query = { fieldSelector: `spec.nodeName=${node}` };
  const { items } = await client.json({ method: 'GET', path: '/api/v1/pods', query, signal });
  return (items as readonly JsonObject[]).map(viewPod);
}
