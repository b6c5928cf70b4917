import { decodeEntry, entryKey } from '../entry.ts';
import type { Entry, EntryElsewhere, Pod, Tracker } from '../model.ts';

/** An entry, and the object that it is on, for people. */
export interface FoundEntry {
  readonly entry: Entry;
  readonly on: string;
}

type PodName = Pick<Pod, 'namespace' | 'name'>;

/** The latest entry of the pod on trackers that are only read, because another kind of tracking was in use before. */
export function latestElsewhere(pod: PodName, trackers: readonly (Tracker | undefined)[]): EntryElsewhere | undefined {
  const key = entryKey(pod.namespace, pod.name);
  const found = trackers.flatMap((tracker) => {
    const value = tracker?.entries[key];
    return tracker === undefined || value === undefined ? [] : [{ value, on: nameOf(tracker) }];
  });
  return found.reduce<EntryElsewhere | undefined>((best, one) => (best && !isLater(one, best) ? best : one), undefined);
}

/**
 * The entry of the pod's name, wherever it is. Of two the later one counts, as if both had been written to one key: two
 * replicas with different kinds of tracking may both have marked instances of the pod.
 */
export function findEntry(
  pod: PodName,
  tracker: Tracker | undefined,
  elsewhere: EntryElsewhere | undefined,
): FoundEntry | undefined {
  const value = tracker?.entries[entryKey(pod.namespace, pod.name)];
  const own = tracker === undefined || value === undefined ? undefined : { value, on: nameOf(tracker) };
  const found = own === undefined || (elsewhere !== undefined && isLater(elsewhere, own)) ? elsewhere : own;
  return found && { entry: decodeEntry(found.value), on: found.on };
}

const nameOf = ({ resource, name }: Tracker) => `${resource.kind} ${name}`;

function isLater(one: EntryElsewhere, other: EntryElsewhere): boolean {
  const [a = Number.NEGATIVE_INFINITY, b = Number.NEGATIVE_INFINITY] = [
    decodeEntry(one.value).at,
    decodeEntry(other.value).at,
  ];
  return a > b;
}
