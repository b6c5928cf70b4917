import type { Lister } from '../informer/store.ts';
import type { Node, Pod } from '../policy/model.ts';
import type { DrainObservation } from '../policy/plans/withdrawal.ts';
import { type PolicySettings, type Profile, profileOf } from '../policy/profiles/profile.ts';
import { storeKey } from './keys.ts';
import type { EarlierInstances } from './memories/earlier-instances.ts';
import type { MarkMemory } from './memories/mark-memory.ts';
import { entryElsewhere, type KnownTrackers, trackerOf } from './trackers.ts';

/** The parts of the cache that say what became of a drain. */
export interface DrainSources extends KnownTrackers {
  readonly nodes: Pick<Lister<Node>, 'get'>;
  readonly earlierInstances: Pick<EarlierInstances, 'drainedNode'>;
  readonly markMemory: Pick<MarkMemory, 'takenBack'>;
}

/** Undefined if the profile of the pod takes no marks back, and evicts nothing. */
export function observeDrain(cache: DrainSources, pod: Pod, settings: PolicySettings): DrainObservation | undefined {
  const profile = profileOf(pod, settings);
  if (profile === undefined || !(profile.withdraws || profile.report)) return undefined;
  const drainedNode = cache.earlierInstances.drainedNode(storeKey(pod));
  const takenBack = cache.markMemory.takenBack(storeKey(pod), pod.uid);
  return { ...surroundingsOf(cache, pod, profile), ...(drainedNode !== undefined && { drainedNode }), takenBack };
}

/** The pod with its node, its tracker and its entry elsewhere, as far as the cache knows them. */
export function surroundingsOf(cache: KnownTrackers & Pick<DrainSources, 'nodes'>, pod: Pod, profile: Profile) {
  const node = pod.node === undefined ? undefined : cache.nodes.get(pod.node);
  const tracker = trackerOf(cache, pod, profile.tracking);
  const elsewhere = entryElsewhere(cache, pod, profile.tracking);
  return { pod, profile, ...(node && { node }), ...(tracker && { tracker }), ...(elsewhere && { elsewhere }) };
}
