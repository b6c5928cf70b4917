import type { Pod } from '../policy/model.ts';
import { isDraining } from '../policy/node-state.ts';
import type { StallObservation } from '../policy/plans/stall.ts';
import { podsOfGroup } from '../policy/profiles/group.ts';
import { isMarked, type PolicySettings, type Profile, profileOf } from '../policy/profiles/profile.ts';
import type { Cache } from './cache.ts';
import { surroundingsOf } from './drain-observation.ts';
import { storeKey, trackerKey } from './keys.ts';

/** The parts of the cache that say whether a pod is stalled. */
export type StallSources = Pick<
  Cache,
  'pods' | 'nodes' | 'trackers' | 'namespaces' | 'earlierInstances' | 'markMemory' | 'refusals' | 'hindrances'
>;

/**
 * What is known of a pod that may wait, at `now`; undefined if no profile selects it. `markedForMs`: how long its present
 * mark has been known.
 */
export function observeStall(
  cache: StallSources,
  pod: Pod,
  settings: PolicySettings,
  when: Pick<StallObservation, 'now' | 'markedForMs'>,
): StallObservation | undefined {
  const profile = profileOf(pod, settings);
  const namespace = settings.readsNamespacePolicy ? cache.namespaces.get(pod.namespace) : undefined;
  if (profile === undefined) return undefined;
  const known = knownOf(cache, pod, profile);
  return { ...when, ...known, ...(namespace && { namespace }), ...groupOf(cache, known, settings) };
}

function knownOf(cache: StallSources, pod: Pod, profile: Profile): Omit<StallObservation, 'now' | 'markedForMs'> {
  const podKey = storeKey(pod);
  const around = surroundingsOf(cache, pod, profile);
  const { node, tracker } = around;
  const remembered = cache.earlierInstances.get(podKey);
  const ownMarks = cache.markMemory.get(podKey, pod.uid);
  const returnsToNode = node && cache.markMemory.returnsTo(pod.namespace, node.uid);
  const refusal = tracker && cache.refusals.get(trackerKey(tracker));
  return {
    ...around,
    ...(remembered && { remembered }),
    ...(ownMarks && { ownMarks }),
    ...(returnsToNode && { returnsToNode }),
    ...(refusal && { refusal }),
    ...cache.hindrances.reported(pod, profile),
  };
}

/** Only for a pod that may wait for others: to find them takes a look at all pods. */
function groupOf(
  { pods }: Pick<Cache, 'pods'>,
  { pod, node, profile }: Pick<StallObservation, 'pod' | 'node' | 'profile'>,
  { drainTaints }: PolicySettings,
): Pick<StallObservation, 'group'> {
  const mayWait = !isMarked(pod) && node !== undefined && isDraining(node, drainTaints);
  if (profile.maxConcurrent === undefined || !mayWait) return {};
  return { group: podsOfGroup(pod, profile, pods.values()) };
}
