import { decodeEntry, entryPod } from '../entry.ts';
import type { Pod, Tracker } from '../model.ts';
import { isTerminatingOrFinished } from '../pod-state.ts';
import { groupKey } from './group.ts';
import { isMarked, type Profile } from './profile.ts';

/** How many pods a message names. */
const NAMED_MAX = 3;

/** The other pods of the group that are away, or about to be, each with what it is at. */
export function underWay(target: Pod, profile: Profile, tracker: Tracker, group: readonly Pod[]): string[] {
  const present = group.filter(({ uid }) => uid !== target.uid);
  const busy = new Map(present.flatMap((one) => (isAt(one) === undefined ? [] : [[one.name, isAt(one)]])));
  for (const name of begun(tracker, groupKey(profile, target), target, group)) {
    if (!busy.has(name)) busy.set(name, 'is being moved');
  }
  return [...busy].map(([name, what]) => `${name} ${what}`);
}

function isAt(pod: Pod): string | undefined {
  if (isMarked(pod)) return 'is marked';
  if (isTerminatingOrFinished(pod)) return 'is ending';
  return pod.ready ? undefined : 'is not ready';
}

/**
 * The names of pods with an entry of that group whose move is not over. Their instance is there and may be marked at any
 * moment, or it is gone and nothing has taken its place: fewer pods are there than when it was marked.
 */
function begun(tracker: Tracker, key: string, target: Pod, group: readonly Pod[]): string[] {
  return Object.entries(tracker.entries).flatMap(([entryKey, value]) => {
    const about = entryPod(entryKey, value);
    const entry = decodeEntry(value);
    if (about === undefined || about.namespace !== target.namespace || entry.group !== key) return [];
    if (entry.uid === target.uid) return [];
    const now = group.find(({ name }) => name === about.name);
    const isOver =
      now === undefined ? group.length >= (entry.groupSize ?? Number.POSITIVE_INFINITY) : now.uid !== entry.uid;
    return isOver ? [] : [about.name];
  });
}

/** The first of them, for people, and how many more there are. */
export function someOf(pods: readonly string[]): string {
  const more = pods.length > NAMED_MAX ? ` and ${pods.length - NAMED_MAX} more` : '';
  return `${pods.slice(0, NAMED_MAX).join(', ')}${more}`;
}
