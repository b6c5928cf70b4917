import { type Deny, MESSAGES, wait } from '../decision.ts';
import { type Look, onceLive, seenValue } from '../observation.ts';
import type { PodObservation } from '../rules/rule.ts';
import { groupKey } from './group.ts';
import { someOf, underWay } from './group-moves.ts';

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
  if (tracker.kind === 'absent') return onceLive(seen, ['tracker'], untracked(tracker.why ?? 'tracking is off'));
  if (refusal?.isSettled) return untracked(refusal.why);
  if ((tracker.value.leftOut ?? 0) > 0) return untracked('its tracking resource has too many entries');
  if (group.kind !== 'present') return { kind: 'look', at: 'group', live: false };
  const others = underWay(seen.pod.value, profile, tracker.value, group.value);
  if (others.length < maxConcurrent.pods) return onceLive(seen, ['pod', 'tracker', 'group'], undefined);
  return wait('GroupBusy', `${MESSAGES.waiting} (others of its group come first: ${someOf(others)})`);
}

/** Without the lock nobody can say how many are under way. */
const untracked = (why: string) =>
  wait(
    'GroupUntracked',
    `${MESSAGES.waiting} (only so many of its group may move at once, and nobody can count them: ${why})`,
  );

/** What an entry says of the group, for those who count it. Empty for a profile without `maxConcurrent`. */
export function noteOfGroup({ profile, pod, group }: PodObservation) {
  if (profile.maxConcurrent === undefined) return {};
  return { group: groupKey(profile, pod.value), groupSize: seenValue(group)?.length ?? 0 };
}
