import type { Pod } from '../policy/model.ts';
import type { PolicySettings } from '../policy/profile.ts';
import type { StallObservation } from '../policy/stall.ts';
import type { Cache } from './cache.ts';
import { storeKey, trackerKey } from './keys.ts';
import { entryElsewhere, trackerOf } from './trackers.ts';

/** The parts of the cache that say whether a pod is stalled. */
export type StallSources = Pick<
  Cache,
  'pods' | 'nodes' | 'trackers' | 'namespaces' | 'earlierInstances' | 'markMemory' | 'refusals'
>;

/** What is known of a pod that may wait, at `now`. `markedForMs`: how long its present mark has been known. */
export function observeStall(
  cache: StallSources,
  pod: Pod,
  settings: PolicySettings,
  { now, markedForMs }: Pick<StallObservation, 'now' | 'markedForMs'>,
): StallObservation {
  const podKey = storeKey(pod);
  const node = pod.node === undefined ? undefined : cache.nodes.get(pod.node);
  const { tracking } = settings.profile;
  const tracker = trackerOf(cache, pod, tracking);
  const elsewhere = entryElsewhere(cache, pod, tracking);
  const remembered = cache.earlierInstances.get(podKey);
  const ownMarks = cache.markMemory.get(podKey, pod.uid);
  const returnsToNode = node && cache.markMemory.returnsTo(pod.namespace, node.uid);
  const refusal = tracker && cache.refusals.get(trackerKey(tracker));
  return {
    now,
    pod,
    ...(node && { node }),
    ...(tracker && { tracker }),
    ...(elsewhere && { elsewhere }),
    ...(remembered && { remembered }),
    ...(ownMarks && { ownMarks }),
    ...(returnsToNode && { returnsToNode }),
    ...(refusal && { refusal }),
    markedForMs,
  };
}
