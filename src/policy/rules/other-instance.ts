import type { Deny } from '../decision.ts';
import { onceLive } from '../observation.ts';
import type { PodObservation, Rule } from './rule.ts';

/** The drainer names another instance than the existing one. It must look again; the hook writes nothing. */
export const otherInstance: Rule<PodObservation> = (seen) => {
  const { request, pod } = seen;
  if (request.uid === undefined || request.uid === pod.value.uid) return undefined;
  const message = `The UID in the precondition (${request.uid}) is not the UID of the pod (${pod.value.uid})`;
  const conflict: Deny = { kind: 'deny', reason: 'OtherInstance', code: 409, message };
  return onceLive(seen, ['pod'], conflict);
};
