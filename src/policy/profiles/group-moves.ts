import { decodeEntry, entryPod } from '../entry.ts';
import type { Pod, Tracker } from '../model.ts';
import type { Refusal } from '../observation.ts';
import { isTerminatingOrFinished } from '../pod-state.ts';
import { groupKey } from './group.ts';
import { isMarked, type Profile } from './profile.ts';

/** How many pods a message names. */
const NAMED_MAX = 3;

/** More than any cluster has. */
const GROUP_MAX = 1_000;

/** Why nobody can count what is under way in the group; undefined if the hook can. */
export function uncountable(
  tracker: Tracker | undefined,
  refusal: Refusal | undefined,
  group: readonly Pod[] | undefined,
): string | undefined {
  if (tracker === undefined) return 'it has no tracking resource';
  if (refusal?.isSettled) return refusal.why;
  if ((tracker.leftOut ?? 0) > 0) return 'its tracking resource has too many entries';
  return (group?.length ?? 0) > GROUP_MAX ? `its group has more than ${GROUP_MAX} pods` : undefined;
}

/** The other pods of the group that are away, or about to be, each with what it is at. */
export function underWay(target: Pod, profile: Profile, tracker: Tracker, group: readonly Pod[]): string[] {
  const busy = new Map(group.filter(isOther(target)).flatMap((one) => (isAt(one) ? [[one.name, isAt(one)]] : [])));
  for (const name of begun(tracker, profile, target, group)) {
    if (!busy.has(name)) busy.set(name, 'is being moved');
  }
  return [...busy].map(([name, what]) => `${name} ${what}`);
}

/** How many pods of the group are not under way: a replacement may be there before its pod goes. */
export function sizeOf(target: Pod, group: readonly Pod[]): number {
  return group.filter((one) => !isOther(target)(one) || isAt(one) === undefined).length;
}

const isOther =
  ({ uid }: Pod) =>
  (one: Pod) =>
    one.uid !== uid;

function isAt(pod: Pod): string | undefined {
  if (isMarked(pod)) return 'is marked';
  if (isTerminatingOrFinished(pod)) return 'is ending';
  return pod.ready ? undefined : 'is not ready';
}

/**
 * The names of pods with an entry of that group whose move is not over. Their instance is there and may be marked at any
 * moment, or it is gone and nothing has taken its place. Where names may be new, that is so while fewer pods are in place than
 * when it was marked.
 */
function begun(tracker: Tracker, profile: Profile, target: Pod, group: readonly Pod[]): string[] {
  const key = groupKey(profile, target);
  const inPlace = sizeOf(target, group);
  // A tracker may have thousands of entries, and most are of others.
  const ofGroup = Object.entries(tracker.entries).filter(([, value]) => value.includes(`"group":"${key}"`));
  return ofGroup.flatMap(([entryKey, value]) => {
    const about = entryPod(entryKey, value);
    const entry = decodeEntry(value);
    if (about === undefined || about.namespace !== target.namespace || entry.uid === target.uid) return [];
    const now = group.find(({ name }) => name === about.name);
    const isReplaced = profile.names !== 'reused' && inPlace >= (entry.groupSize ?? Number.POSITIVE_INFINITY);
    const isOver = now === undefined ? isReplaced : now.uid !== entry.uid;
    return isOver ? [] : [about.name];
  });
}

/** The first of them, for people, and how many more there are. */
export function someOf(pods: readonly string[]): string {
  const more = pods.length > NAMED_MAX ? ` and ${pods.length - NAMED_MAX} more` : '';
  return `${pods.slice(0, NAMED_MAX).join(', ')}${more}`;
}
