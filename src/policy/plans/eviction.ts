import type { Namespace } from '../model.ts';
import { isDraining } from '../node-state.ts';
import { isTerminatingOrFinished } from '../pod-state.ts';
import { firstWord } from '../policy-annotation.ts';
import { isMarked, type PolicySettings } from '../profiles/profile.ts';
import { type DrainObservation, hasDrainEnded, isOurs } from './withdrawal.ts';

/** What is known of a pod that its operator may report. */
export interface EvictionObservation extends DrainObservation {
  readonly namespace?: Namespace;
  /** A drainer has asked for it a short time ago. */
  readonly isAwaited?: boolean;
}

/**
 * Whether the hook evicts the pod: its operator was asked to prepare it, reports that it may go, and deletes nothing itself.
 * Somebody waits for that: a drainer has just asked, or the hook made the mark and no drain is known that has ended since. A
 * cordon alone is no drain, and operators mark pods because of it.
 */
export function isToBeEvicted(seen: EvictionObservation, settings: PolicySettings): boolean {
  const { pod, profile, node, tracker, namespace, isAwaited } = seen;
  if (profile.report === undefined || !pod.isReported || !isMarked(pod) || isTerminatingOrFinished(pod)) return false;
  if (firstWord(pod, tracker, namespace) === 'hold') return false;
  if (isAwaited && node !== undefined && isDraining(node, settings.drainTaints)) return true;
  return isOurs(pod) && !hasDrainEnded(seen, settings);
}
