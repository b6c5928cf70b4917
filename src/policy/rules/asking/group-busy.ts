import { type Deny, MESSAGES, wait } from '../../decision.ts';
import { type Look, onceLive, seenValue } from '../../observation.ts';
import { groupKey } from '../../profiles/group.ts';
import { sizeOf, someOf, uncountable, underWay } from '../../profiles/group-moves.ts';
import type { PodObservation } from '../rule.ts';

/**
 * Of a profile with `maxConcurrent`: whether others of the pod's group are under way, so that it has to wait. Undefined if it
 * may be marked. That rests on a live list of the group which is younger than the look at the tracker. All entries of the
 * group are on that tracker, and its resourceVersion is the lock: another mark of the group changes it (S4). A refusal may
 * rest on the cache.
 */
export function groupIsBusy(seen: PodObservation): Deny | Look | undefined {
  const { profile, tracker, refusal, group } = seen;
  const { maxConcurrent } = profile;
  if (maxConcurrent === undefined) return undefined;
  const why = uncountable(seenValue(tracker), refusal, seenValue(group));
  if (why !== undefined) return untracked(seen, why);
  if (group.kind !== 'present' || tracker.kind !== 'present') return { kind: 'look', at: 'group', live: false };
  const others = underWay(seen.pod.value, profile, tracker.value, group.value);
  if (others.length < maxConcurrent.pods) return onceLive(seen, ['pod', 'tracker', 'group'], undefined);
  return wait('GroupBusy', `${MESSAGES.waiting} (others of its group come first: ${someOf(others)})`);
}

/** Without the lock nobody can say how many are under way. */
function untracked(seen: PodObservation, why: string): Deny | Look {
  const { tracker } = seen;
  const text = tracker.kind === 'absent' && tracker.why !== undefined ? tracker.why : why;
  const what = 'only so many of its group may move at once, and nobody can count them';
  const answer = wait('GroupUntracked', `${MESSAGES.waiting} (${what}: ${text})`);
  return tracker.kind === 'absent' ? onceLive(seen, ['tracker'], answer) : answer;
}

/** What an entry says of the group, for those who count it. Empty for a profile without `maxConcurrent`. */
export function noteOfGroup({ profile, pod, group }: PodObservation) {
  if (profile.maxConcurrent === undefined) return {};
  return { group: groupKey(profile, pod.value), groupSize: sizeOf(pod.value, seenValue(group) ?? []) };
}
