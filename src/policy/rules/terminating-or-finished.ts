import { MESSAGES, type Rule } from '../decision.ts';
import type { EvictionRequest, Pod } from '../model.ts';
import { CORPSE_AFTER_MS, isTerminatingOrFinished } from '../pod-state.ts';

/**
 * Rule 6: the pod is terminating or finished. An allow is safe where the request names the instance (the API server
 * enforces the UID at the delete, so no successor can be hit), and wanted where the pod is a corpse that nobody replaces.
 */
export const ending: Rule = ({ request, pod, terminatingOrFinishedForMs }) => {
  if (pod === undefined || !isTerminatingOrFinished(pod)) return undefined;
  if (request.uid === pod.uid && !asksForShorterGrace(request, pod)) {
    return { kind: 'allow', rule: '6', reason: 'EndingInstanceNamed' };
  }
  if (overForMs(pod, terminatingOrFinishedForMs) > CORPSE_AFTER_MS)
    return { kind: 'allow', rule: '6', reason: 'Corpse' };
  const state = pod.deletionDeadline === undefined ? 'finished' : 'terminating';
  return { kind: 'deny', rule: '6', reason: 'Ending', code: 429, message: `${MESSAGES.waiting} (it is ${state})` };
};

/** A pod that is still shutting down must get the time it was given; a finished one has nothing left to lose. */
function asksForShorterGrace(request: EvictionRequest, pod: Pod): boolean {
  if (pod.finishedAt !== undefined || request.graceSeconds === undefined) return false;
  return request.graceSeconds < (pod.deletionGraceSeconds ?? 0);
}

/**
 * For how long the instance has been over (finished), or should have been (its grace period is past), as far as the hook has
 * seen it. A deadline is no proof: on a node that is cut off the containers may still run, which is why an eviction is let
 * through only long after it. The wall clock is not asked: where it is ahead, the successor would be evicted (S1).
 */
function overForMs(pod: Pod, terminatingOrFinishedForMs = 0): number {
  const graceSeconds = pod.finishedAt === undefined ? (pod.deletionGraceSeconds ?? 0) : 0;
  return terminatingOrFinishedForMs - graceSeconds * 1000;
}
