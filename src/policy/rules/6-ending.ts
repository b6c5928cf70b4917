import { MESSAGES, type Rule } from '../decision.ts';
import type { EvictionRequest, Pod } from '../model.ts';
import { CORPSE_AFTER_MS, isEnding } from '../states.ts';

/**
 * Rule 6: the pod is terminating or finished. An allow is safe where the request names the instance (the API server
 * enforces the UID at the delete, so no successor can be hit), and wanted where the pod is a corpse that nobody replaces.
 */
export const ending: Rule = ({ request, pod, now }) => {
  if (pod === undefined || !isEnding(pod)) return undefined;
  if (request.uid === pod.uid && !asksForShorterGrace(request, pod)) {
    return { kind: 'allow', rule: '6', reason: 'EndingInstanceNamed' };
  }
  if (now - endOf(pod) > CORPSE_AFTER_MS) return { kind: 'allow', rule: '6', reason: 'Corpse' };
  const state = pod.deletionDeadline === undefined ? 'finished' : 'terminating';
  return { kind: 'deny', rule: '6', reason: 'Ending', code: 429, message: `${MESSAGES.waiting} (it is ${state})` };
};

/** A pod that is still shutting down must get the time it was given; a finished one has nothing left to lose. */
function asksForShorterGrace(request: EvictionRequest, pod: Pod): boolean {
  if (pod.finishedAt !== undefined || request.graceSeconds === undefined) return false;
  return request.graceSeconds < (pod.deletionGraceSeconds ?? 0);
}

/**
 * When the instance is over (finished), or should have been (its deletion deadline). A deadline is no proof: on a node that
 * is cut off the containers may still run, which is why an eviction is let through only long after it.
 */
function endOf(pod: Pod): number {
  return Math.min(pod.deletionDeadline ?? Number.POSITIVE_INFINITY, pod.finishedAt ?? Number.POSITIVE_INFINITY);
}
