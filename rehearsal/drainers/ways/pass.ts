import { isNotFound } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { isFinished, type NodePod, podsToEvict } from '../../../testkit/nodes.ts';
import { viewPod } from '../../../testkit/pods.ts';
import type { DrainRule, Pass } from '../model.ts';
import { ask, titleOf, type UnderWay } from '../under-way.ts';

/** Passes over the pods of the node until one leaves nothing to wait for. Rejects if a pod is given up. */
export async function evictInPasses(drain: UnderWay, way: Pass): Promise<void> {
  const { client, clock, node, signal } = drain;
  const first = await podsToEvict(client, node, signal);
  const uids = new Set(first.map(({ uid }) => uid));
  let pods: readonly NodePod[] = first;
  for (;;) {
    const left = await onePass(drain, way, pods);
    const toDo = way.lists === 'once' ? await stillThere(drain, left) : left;
    if (toDo.length === 0) return;
    await clock.sleep(way.everyMs, signal);
    pods = way.lists === 'once' ? toDo : await podsToEvict(client, node, signal);
    if (way.lists === 'first') pods = pods.filter(({ uid }) => uids.has(uid));
  }
}

/** Resolves to the pods that have to be looked at again. */
async function onePass(drain: UnderWay, way: Pass, pods: readonly NodePod[]): Promise<NodePod[]> {
  const endsAt = drain.clock.now() + (way.mostMs ?? Infinity);
  const { now, later } = sorted(pods, way.rules ?? []);
  const left = [...later];
  for (const pod of now) {
    const isSkipped = pod.terminating || drain.clock.now() >= endsAt;
    if (isSkipped || (await isLeft(drain, way, pod))) left.push(pod);
  }
  return left;
}

/** Asks for one pod. True if it has to be looked at again. */
async function isLeft(drain: UnderWay, { everyMs, trusts201 }: Pass, pod: NodePod): Promise<boolean> {
  const { meaning, isEvicted, text } = await ask(drain, pod, everyMs);
  if (meaning === 'fails' || meaning === 'aborts') throw new Error(`${titleOf(pod)}: ${text}`);
  return meaning === 'again' || (isEvicted && !trusts201);
}

interface Sorted {
  /** Those to ask for in this pass. */
  readonly now: readonly NodePod[];
  /** Those that are only waited for. */
  readonly later: readonly NodePod[];
}

/** By the rules: what is to be skipped is in neither. */
function sorted(pods: readonly NodePod[], rules: readonly DrainRule[]): Sorted {
  const ruled = pods.map((pod) => ({ pod, ...ruleFor(pod, rules) }));
  const drained = ruled.filter(({ behavior }) => behavior === 'Drain');
  const awaited = ruled.filter(({ behavior, pod }) => behavior === 'WaitCompleted' && !isFinished(pod));
  const least = Math.min(...[...drained, ...awaited].map(({ order }) => order));
  const isFirst = ({ order, pod }: { readonly order: number; readonly pod: NodePod }) =>
    order === least && !pod.terminating;
  return {
    now: drained.filter(isFirst).map(({ pod }) => pod),
    later: [...awaited, ...drained.filter((one) => !isFirst(one))].map(({ pod }) => pod),
  };
}

const DRAIN_LABEL = 'cluster.x-k8s.io/drain';

function ruleFor({ labels }: NodePod, rules: readonly DrainRule[]) {
  const selects = (rule: DrainRule) => Object.entries(rule.labels).every(([key, value]) => labels[key] === value);
  const { behavior, order = 0 } = rules.find(selects) ?? { behavior: 'Drain' };
  const isSkipped = rules.length > 0 && labels[DRAIN_LABEL] === 'skip';
  return { behavior: isSkipped ? 'Skip' : behavior, order };
}

/** By their UIDs; what cannot be read may be there. */
async function stillThere({ client, signal }: UnderWay, pods: readonly NodePod[]): Promise<NodePod[]> {
  const there: NodePod[] = [];
  for (const pod of pods) {
    const path = podPath(pod.namespace, pod.name);
    const uid = await client.json({ method: 'GET', path, signal }).then(
      (raw) => viewPod(raw).uid,
      (error: unknown) => (isNotFound(error) ? undefined : pod.uid),
    );
    signal.throwIfAborted();
    if (uid === pod.uid) there.push(pod);
  }
  return there;
}
