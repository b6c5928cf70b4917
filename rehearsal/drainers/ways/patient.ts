import type { ApiClient, ApiRequest, JsonObject } from '../../../src/kube/client.ts';
import { describeError, isNotFound } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { isDaemon, isFinished, isMirror, type NodePod, podsOn } from '../../../testkit/nodes.ts';
import { type PodView, viewPod } from '../../../testkit/pods.ts';
import { within } from '../clock.ts';
import type { Looks, Patient, Window } from '../model.ts';
import { TokenBucket } from '../token-bucket.ts';
import { ask, type Told, titleOf, type UnderWay } from '../under-way.ts';

/** Resolves to the pods that it has asked for. Rejects if one of them is given up. */
export async function evictPatiently(drain: UnderWay, way: Patient): Promise<readonly NodePod[]> {
  const { window, rate, needsControllers = false } = way;
  const slowed = rate === undefined ? drain : { ...drain, client: keptTo(rate, drain) };
  const round = async (signal: AbortSignal) => {
    const pods = await targets({ ...slowed, signal }, needsControllers);
    await evictAll({ ...slowed, signal }, way, pods);
    return pods;
  };
  return window === undefined ? round(drain.signal) : inWindows(drain, window, round);
}

async function inWindows<T>(
  { clock, signal, complain }: UnderWay,
  { limitMs, pauseMs, slowAfterMs = Infinity, slowPauseMs = pauseMs }: Window,
  round: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const beganAt = clock.now();
  for (;;) {
    try {
      return await within(limitMs, clock, signal, round);
    } catch (error) {
      signal.throwIfAborted();
      const isSlow = clock.now() - beganAt > slowAfterMs;
      const nextMs = isSlow ? slowPauseMs : pauseMs;
      complain(`error: the drain has failed, and begins anew after ${nextMs / 1000}s: ${describeError(error)}`);
      await clock.sleep(nextMs, signal);
    }
  }
}

/** Throws where a pod would be lost for good, because nobody would make another one. */
async function targets({ client, node, signal, complain }: UnderWay, needsControllers: boolean): Promise<NodePod[]> {
  const pods = (await podsOn(client, node, signal)).filter((pod) => !isMirror(pod));
  const daemons = pods.filter(isDaemon);
  if (daemons.length > 0) complain(`Warning: ignoring DaemonSet-managed Pods: ${namesOf(daemons)}`);
  const alone = pods.filter((pod) => pod.owner === undefined && !isFinished(pod));
  if (needsControllers && alone.length > 0) {
    throw new Error(`cannot delete Pods that declare no controller (use --force to override): ${namesOf(alone)}`);
  }
  return pods.filter((pod) => !isDaemon(pod));
}

const namesOf = (pods: readonly NodePod[]) => pods.map(titleOf).join(', ');

async function evictAll(drain: UnderWay, way: Patient, pods: readonly NodePod[]): Promise<void> {
  const abort = new AbortController();
  const signal = AbortSignal.any([drain.signal, abort.signal]);
  const results = await Promise.allSettled(pods.map((pod) => evictOne({ ...drain, signal }, way, pod, abort)));
  signal.throwIfAborted();
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (failures.length > 0) throw new AggregateError(failures, failures.map(describeError).join('\n'));
}

/** After a refusal it looks the pod up, and then means whatever instance has that name. */
async function evictOne(drain: UnderWay, way: Patient, target: NodePod, abort: AbortController): Promise<void> {
  const { clock, signal } = drain;
  for (let pod = target; ; pod = { ...target, ...(await podNow(drain, target).catch(() => undefined)) }) {
    const told = await ask(drain, pod, way.retryAfterMs);
    if (told.meaning === 'gone') return afterwards(drain, way.looks, pod, told);
    if (told.meaning !== 'again') {
      const failure = new Error(`error when evicting pods/"${pod.name}" -n "${pod.namespace}": ${told.text}`);
      if (told.meaning === 'aborts') abort.abort(failure);
      throw failure;
    }
    await clock.sleep(way.retryAfterMs, signal);
  }
}

/** Of the others it is looked at last whether they have left. */
async function afterwards(drain: UnderWay, looks: Looks, pod: NodePod, { isEvicted }: Told): Promise<void> {
  if (isEvicted && looks.by === 'uid') await untilGone(drain, looks, pod);
}

/** Gone is a pod that does not exist, or another instance of its name. */
async function untilGone(drain: UnderWay, { everyMs, withinMs = Infinity }: Looks, pod: NodePod): Promise<void> {
  const { clock, signal, say } = drain;
  const endsAt = clock.now() + withinMs;
  while ((await podNow(drain, pod))?.uid === pod.uid) {
    if (clock.now() >= endsAt) throw new Error(`pod ${titleOf(pod)} was evicted, and does not end`);
    await clock.sleep(everyMs, signal);
  }
  say(`pod/${pod.name} evicted`);
}

/** By their names: another instance that is on another node will do. What cannot be read may be there. */
export async function untilLeft(drain: UnderWay, looks: Looks, pods: readonly NodePod[]): Promise<void> {
  const { clock, signal, node } = drain;
  const endsAt = clock.now() + (looks.withinMs ?? Infinity);
  const isHere = async (pod: NodePod) => {
    const now = await podNow(drain, pod).catch(() => ({ node }));
    signal.throwIfAborted();
    return now?.node === node;
  };
  while (clock.now() < endsAt) {
    const here = await Promise.all(pods.map(isHere));
    if (!here.includes(true)) return;
    await clock.sleep(looks.everyMs, signal);
  }
  throw new Error('pods are left on the node');
}

/** Undefined if there is none of that name. */
async function podNow({ client, signal }: UnderWay, { namespace, name }: NodePod): Promise<PodView | undefined> {
  try {
    return viewPod(await client.json({ method: 'GET', path: podPath(namespace, name), signal }));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** As in kubectl: with its limits by default, each API group has a client of its own. */
function keptTo(rate: NonNullable<Patient['rate']>, { client, clock, signal }: UnderWay): Pick<ApiClient, 'json'> {
  const [evictions, others] = [new TokenBucket(rate, clock), new TokenBucket(rate, clock)];
  return {
    json: async (call: ApiRequest): Promise<JsonObject> => {
      await (call.method === 'POST' ? evictions : others).take(call.signal ?? signal);
      return client.json(call);
    },
  };
}
