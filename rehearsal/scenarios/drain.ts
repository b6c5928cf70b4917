import { listPods, type PodView } from '../../testkit/pods.ts';
import type { Drainer } from '../drainers/drainer.ts';
import type { PodWatch } from '../evidence/pod-watch.ts';
import type { DrainSeen } from '../evidence/verdict.ts';
import { evictInParallel } from '../evidence/without-hook-log/parallel-evictions.ts';
import { isMarked } from '../operator/model.ts';
import type { SharedPause } from '../operator/shared-pause.ts';
import type { Place } from '../venues/venue.ts';
import type { Rehearsal } from './rehearsal.ts';

export interface DrainContext extends Rehearsal {
  readonly place: Place;
  readonly pause: SharedPause;
  readonly pods: PodWatch;
  readonly drainer: Drainer;
  /** How many members the cluster has when it is at rest. */
  readonly size: number;
  /** How long anything that has to come about may take, such as one more request of a drainer. */
  readonly patienceMs: number;
  /** A drainer is ended after that. */
  readonly drainWithinMs?: number | undefined;
}

export interface DrainWanted {
  readonly node: string;
  /** The protected pods that are on it. */
  readonly members: readonly PodView[];
  /** The operator is paused until the drainer has retried so many of them. Default: all. */
  readonly heldFor?: number | undefined;
  /** Ends the drain on purpose. */
  readonly cut?: AbortSignal | undefined;
}

const LEAST_DRAIN_TIMEOUT_MS = 10 * 60_000;

export const drainTimeoutMs = ({
  size,
  place,
  drainWithinMs,
}: Pick<DrainContext, 'size' | 'place' | 'drainWithinMs'>) =>
  drainWithinMs ?? Math.max(LEAST_DRAIN_TIMEOUT_MS, size * 10 * place.periodMs);

/**
 * Drains a node once, and pauses the operator at the beginning of the drain. An operator that is not paused moves pods very
 * soon: no drainer would retry a pod that is still there, and in life most of a drain is retries. At the end it reads at once
 * which members are still on the node, because later nothing shows that a drain ended too early.
 */
export async function drainOnce(context: DrainContext, wanted: DrainWanted): Promise<DrainSeen> {
  const { node, members, heldFor = members.length, cut } = wanted;
  const { pause, patienceMs, signal, evidence } = context;
  const names = members.map(({ name }) => name);
  const isHeld = heldFor > 0 && names.length > 0;
  const endPause = isHeld ? await pause.begin() : () => undefined;
  const over = new AbortController();
  const beganAt = evidence.now;
  try {
    if (isHeld) {
      const retries = { names, count: heldFor, since: beganAt, timeoutMs: patienceMs };
      const retried = evidence.history.retried(retries, AbortSignal.any([signal, over.signal]));
      void retried.catch(() => undefined).then(endPause);
    }
    const complaints: string[] = [];
    const code = await withParallelEvictions(context, node, () => runDrainer(context, wanted, complaints));
    signal.throwIfAborted();
    const endedAt = evidence.now;
    const left = code === 0 ? await leftOn(context, node) : [];
    const drained = new Set(members.map(({ uid }) => uid));
    const complaint = code === 0 ? undefined : complaints.at(-1);
    return {
      node,
      drained,
      beganAt,
      endedAt,
      code,
      ...(complaint === undefined ? {} : { complaint }),
      isCut: cut?.aborted === true,
      heldFor: isHeld ? heldFor : 0,
      left,
    };
  } finally {
    over.abort(new Error('the drain is over'));
    endPause();
  }
}

const COMPLAINS = /\b(error|denied|could not)\b/i;

async function runDrainer(context: DrainContext, { node, cut }: DrainWanted, complaints: string[]): Promise<number> {
  const { evidence, drainer, signal } = context;
  const ended = evidence.recorder.drain(node, drainer.name);
  const code = await drainer.drain({
    node,
    timeoutMs: drainTimeoutMs(context),
    signal: cut === undefined ? signal : AbortSignal.any([signal, cut]),
    onLine: (line) => {
      if (COMPLAINS.test(line)) complaints.push(line.trim());
      evidence.drainerLine(drainer.voice, line);
    },
  });
  if (code === 0) evidence.drained();
  const result = cut?.aborted === true ? 'interrupted' : `exit code ${code}`;
  ended(result);
  evidence.timeline.add({ who: drainer.voice, what: result, node });
  return code;
}

/** Only if nobody reads the log of the hook: kubectl says nothing of a 404. */
async function withParallelEvictions(
  { site, place, pods, evidence, signal }: DrainContext,
  node: string,
  drain: () => Promise<number>,
): Promise<number> {
  if (site.hook !== undefined) return drain();
  const over = new AbortController();
  const isThere = (pod: PodView & { isGone: boolean }) => !pod.isGone && pod.node === node && place.isMember(pod);
  const evictions = evictInParallel(
    {
      client: site.client,
      history: evidence.history,
      now: () => evidence.now,
      markedPods: () => pods.instances.filter((pod) => isThere(pod) && isMarked(pod, site.annotation)),
    },
    AbortSignal.any([signal, over.signal]),
  );
  try {
    return await drain();
  } finally {
    over.abort(new Error('the drain is over'));
    await evictions;
  }
}

/** Read from the API server, because a watch may be behind. */
async function leftOn({ site, place }: DrainContext, node: string): Promise<string[]> {
  const pods = await listPods(site.client, place.namespace);
  return pods.filter((pod) => place.isMember(pod) && pod.node === node).map(({ name }) => name);
}
