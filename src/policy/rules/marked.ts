import { MESSAGES, type Rule } from '../decision.ts';
import { formatAge } from '../duration.ts';
import type { Mark } from '../model.ts';
import { describeHindrance, isMarked } from '../pod-state.ts';

/** Rule 7: marked, so its operator has been asked. The drainer waits; the message says since when, by whom, stalls and why. */
export const marked: Rule = ({ pod, now, tracker }, settings) => {
  if (pod?.mark === undefined || !isMarked(pod, settings)) return undefined;
  const ageMs = pod.mark.at === undefined ? undefined : now - pod.mark.at;
  const isStalled = ageMs !== undefined && ageMs >= settings.stallAfterMs;
  const stalled = isStalled ? '; stalled: its operator has not acted' : '';
  const hindrance = describeHindrance(tracker);
  const why = hindrance === undefined ? '' : `; ${hindrance}`;
  const message = `${MESSAGES.waiting} (${described(pod.mark, ageMs)}${stalled}${why})`;
  return { kind: 'deny', rule: '7', reason: isStalled ? 'Stalled' : 'Waiting', code: 429, message };
};

function described(mark: Mark, ageMs: number | undefined): string {
  const since = ageMs === undefined ? '' : ` ${formatAge(ageMs)} ago`;
  const by = mark.by === undefined ? '' : ` by ${mark.by}`;
  return `marked${since}${by}`;
}
