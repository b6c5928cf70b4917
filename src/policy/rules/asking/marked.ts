import { type Deny, MESSAGES, wait } from '../../decision.ts';
import { formatAge } from '../../duration.ts';
import { describeMarks, markHistory } from '../../mark-history.ts';
import type { Mark } from '../../model.ts';
import { policyOf, seenValue } from '../../observation.ts';
import { describeHindrance } from '../../pod-state.ts';
import { describeHold, POLICY_KEY } from '../../policy-annotation.ts';
import { isMarked } from '../../profiles/profile.ts';
import type { PodObservation, Rule } from '../rule.ts';

/** The pod is marked, so the drainer waits. The message has the age of the mark, who made it, and the hindrance. */
export const marked: Rule<PodObservation> = (seen) => (isMarked(seen.pod.value) ? waitsMarked(seen) : undefined);

/** The answer for a marked pod. */
export function waitsMarked(seen: PodObservation): Deny {
  const { pod, now, tracker, profile } = seen;
  const { mark = { matches: true } } = pod.value;
  const reported = profile.report !== undefined && pod.value.isReported;
  const ageMs = mark.at === undefined ? undefined : now - mark.at;
  const policy = policyOf(seen);
  const thenWhat = policy?.policy === 'hold' ? `${POLICY_KEY} ${describeHold(policy)}` : 'the hook evicts it';
  const history = markHistory({ uid: pod.value.uid, markedAt: mark.at }, seen.entry, seen.ownMarks);
  const isStalled = history.firstAt !== undefined && now - history.firstAt >= profile.stallAfterMs;
  const details = [
    described(mark, ageMs),
    describeMarks(history, now),
    reported && `its operator reports that it may go, and ${thenWhat}`,
    isStalled && (reported ? 'stalled' : 'stalled: its operator has not acted'),
    describeHindrance(seenValue(tracker), seen.reported),
  ];
  return wait(isStalled ? 'Stalled' : 'Waiting', `${MESSAGES.waiting} (${details.filter(Boolean).join('; ')})`);
}

function described(mark: Mark, ageMs: number | undefined): string {
  const since = ageMs === undefined ? '' : ` ${formatAge(ageMs)} ago`;
  const by = mark.by === undefined ? '' : ` by ${mark.by}`;
  return `marked${since}${by}`;
}
