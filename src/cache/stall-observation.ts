import type { Pod, Tracker } from '../policy/model.ts';
import type { PolicySettings } from '../policy/profile.ts';
import type { StallObservation } from '../policy/stall.ts';
import type { Cache } from './cache.ts';
import { storeKey, trackerKeyOf } from './keys.ts';

/** The parts of the cache that say whether a pod is stalled. */
export type StallSources = Pick<Cache, 'pods' | 'nodes' | 'trackers' | 'earlierInstances' | 'markMemory' | 'refusals'>;

/** What is known of a pod that may wait, at `now`. `markedForMs`: how long its present mark has been known. */
export function observeStall(
  cache: StallSources,
  pod: Pod,
  settings: PolicySettings,
  { now, markedForMs }: Pick<StallObservation, 'now' | 'markedForMs'>,
): StallObservation {
  const podKey = storeKey(pod);
  const node = pod.node === undefined ? undefined : cache.nodes.get(pod.node);
  const tracker = trackerOf(cache, pod, settings);
  const remembered = cache.earlierInstances.get(podKey);
  const ownMarks = cache.markMemory.get(podKey, pod.uid);
  const returnsToNode = node && cache.markMemory.returnsTo(pod.namespace, node.uid);
  const refusal = tracker && cache.refusals.get(storeKey(tracker));
  return {
    now,
    pod,
    ...(node && { node }),
    ...(tracker && { tracker }),
    ...(remembered && { remembered }),
    ...(ownMarks && { ownMarks }),
    ...(returnsToNode && { returnsToNode }),
    ...(refusal && { refusal }),
    markedForMs,
  };
}

/** The pod's tracker, if it has one and the cache knows it. */
export function trackerOf(
  { trackers }: Pick<Cache, 'trackers'>,
  pod: Pod,
  { profile }: PolicySettings,
): Tracker | undefined {
  const key = trackerKeyOf(pod, profile.tracking);
  return key && trackers.get(storeKey(key));
}
