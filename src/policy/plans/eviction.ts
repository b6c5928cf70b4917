import type { Namespace } from '../model.ts';
import { isDraining } from '../node-state.ts';
import { isTerminatingOrFinished } from '../pod-state.ts';
import { firstWord } from '../policy-annotation.ts';
import { isMarked, type PolicySettings } from '../profiles/profile.ts';
import { type DrainObservation, isDrainOver, isOurs } from './withdrawal.ts';

/**
 * Whether the hook evicts the pod: its operator was asked to prepare it, reports that it may go, and deletes nothing itself.
 * Somebody waits for that: the hook made the mark, and no drain is known that has ended since. A mark of somebody else counts
 * only if its node is draining and an eviction was asked for: operators also mark what stands on a cordoned node.
 */
export function isToBeEvicted(
  seen: DrainObservation & { readonly namespace?: Namespace; readonly isAsked?: boolean },
  settings: PolicySettings,
): boolean {
  const { pod, profile, node, tracker, namespace, isAsked } = seen;
  if (profile.report === undefined || !pod.isReported || !isMarked(pod) || isTerminatingOrFinished(pod)) return false;
  if (firstWord(pod, tracker, namespace) === 'hold') return false;
  if (isOurs(pod)) return !isDrainOver(seen, settings);
  return isAsked === true && node !== undefined && isDraining(node, settings.drainTaints);
}
