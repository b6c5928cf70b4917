import { allow, MESSAGES, wait } from '../decision.ts';
import type { EvictionRequest, Pod } from '../model.ts';
import { onceLive } from '../observation.ts';
import { CORPSE_AFTER_MS, isTerminatingOrFinished } from '../pod-state.ts';
import type { PodObservation, Rule } from './rule.ts';

/**
 * The pod is terminating or finished. An allow is safe where the request names the instance (the API server enforces the
 * UID at the delete, so no successor can be hit), and wanted where the pod is a corpse that nobody replaces.
 */
export const terminatingOrFinished: Rule<PodObservation> = (seen) => {
  const { request, terminatingOrFinishedForMs } = seen;
  const pod = seen.pod.value;
  if (!isTerminatingOrFinished(pod)) return undefined;
  if (request.uid === pod.uid && !asksForShorterGrace(request, pod)) {
    return onceLive(seen, ['pod'], allow('EndingInstanceNamed'));
  }
  if (overForMs(pod, terminatingOrFinishedForMs) > CORPSE_AFTER_MS) return onceLive(seen, ['pod'], allow('Corpse'));
  const state = pod.deletionDeadline === undefined ? 'finished' : 'terminating';
  return wait('Ending', `${MESSAGES.waiting} (it is ${state})`);
};

/** A pod that is still shutting down must get the time it was given; a finished one has nothing left to lose. */
function asksForShorterGrace(request: EvictionRequest, pod: Pod): boolean {
  if (pod.finishedAt !== undefined || request.graceSeconds === undefined) return false;
  return request.graceSeconds < (pod.deletionGraceSeconds ?? 0);
}

/**
 * For how long the instance has been finished, or its grace period past, as far as the hook has seen it. A deadline is no
 * proof: on a node that is cut off the containers may still run, which is why an eviction is let through only long after
 * it. The wall clock is not asked: where it is ahead, the successor would be evicted (S1).
 */
function overForMs(pod: Pod, terminatingOrFinishedForMs = 0): number {
  const graceSeconds = pod.finishedAt === undefined ? (pod.deletionGraceSeconds ?? 0) : 0;
  return terminatingOrFinishedForMs - graceSeconds * 1000;
}
