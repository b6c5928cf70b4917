import { isMarked } from '../../profiles/profile.ts';
import { cameBackTooOften } from '../comes-back.ts';
import type { PodObservation, Rule } from '../rule.ts';
import { rememberPod } from './mark.ts';
import { waitsMarked } from './marked.ts';

/**
 * Somebody else has marked a pod that the hook itself will evict. An entry tells the instance from its successor, which may get
 * such a mark, too. It counts the returns to a draining node, and after the second the hook evicts it no more.
 */
export const markedByOthers: Rule<PodObservation> = (seen, settings) => {
  const { pod, profile } = seen;
  if (profile.report === undefined || !isMarked(pod.value) || !pod.value.mark?.isForeign) return undefined;
  return cameBackTooOften(seen, settings) ?? rememberPod(seen, settings, waitsMarked(seen), []);
};
