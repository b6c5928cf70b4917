import { allow } from '../../decision.ts';
import { onceLive, policyOf, seenValue } from '../../observation.ts';
import { isMarked } from '../../profiles/profile.ts';
import type { PodObservation, Rule } from '../rule.ts';

/**
 * The hook itself evicts a pod whose operator has been asked to prepare it, and reports that it may go. The API server then
 * deletes exactly the instance of that UID, so its successor is safe (S1). Nobody else is let through.
 */
export const ownEviction: Rule<PodObservation> = (seen) => {
  const { profile, request, pod, self } = seen;
  const isDone = profile.report !== undefined && pod.value.isReported === true && isMarked(pod.value);
  if (policyOf(seen)?.policy === 'hold') return undefined;
  if (!isDone || request.uid !== pod.value.uid) return undefined;
  if (self.kind === 'unread') return { kind: 'look', at: 'self', live: true };
  if (seenValue(self) !== request.username) return undefined;
  return onceLive(seen, ['pod'], allow('OwnEviction'));
};
