import { allow, MESSAGES, wait } from '../decision.ts';
import type { EvictionRequest, Pod } from '../model.ts';
import { onceLive } from '../observation.ts';
import { CORPSE_AFTER_MS, isTerminatingOrFinished } from '../pod-state.ts';
import type { PodObservation, Rule } from './rule.ts';

/**
 * The pod is terminating or finished. An allow is safe if the request names the UID: the API server enforces it at the
 * delete, so the delete cannot hit a successor. An allow is also right for a corpse, because nobody replaces it.
 */
export const terminatingOrFinished: Rule<PodObservation> = (seen) => {
  const { request, terminatingOrFinishedForMs } = seen;
  const pod = seen.pod.value;
  if (!isTerminatingOrFinished(pod)) return undefined;
  if (request.uid === pod.uid && !asksForShorterGrace(request, pod)) {
    return onceLive(seen, ['pod'], allow('EndingInstanceNamed'));
  }
  if (pastGraceMs(pod, terminatingOrFinishedForMs) > CORPSE_AFTER_MS) return onceLive(seen, ['pod'], allow('Corpse'));
  const state = pod.deletionDeadline === undefined ? 'finished' : 'terminating';
  return wait('Ending', `${MESSAGES.waiting} (it is ${state})`);
};

/** A terminating pod must keep its grace period. A finished pod has nothing left to lose. */
function asksForShorterGrace(request: EvictionRequest, pod: Pod): boolean {
  if (pod.finishedAt !== undefined || request.graceSeconds === undefined) return false;
  return request.graceSeconds < (pod.deletionGraceSeconds ?? 0);
}

/**
 * How long the instance has been finished, or past its grace period, as far as the hook has seen. A passed deadline is
 * no proof: on a disconnected node the containers may still run. So the hook allows an eviction only long after it. The
 * wall clock is not used: if it were ahead, the hook would let the successor be evicted (S1).
 */
function pastGraceMs(pod: Pod, terminatingOrFinishedForMs = 0): number {
  const graceSeconds = pod.finishedAt === undefined ? (pod.deletionGraceSeconds ?? 0) : 0;
  return terminatingOrFinishedForMs - graceSeconds * 1000;
}
