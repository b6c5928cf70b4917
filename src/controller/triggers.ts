import type { Cache } from '../cache/cache.ts';
import { type ObjectKey, storeKey, trackerKeyOf } from '../cache/keys.ts';
import type { Change } from '../informer/store.ts';
import type { Pod } from '../policy/model.ts';
import { isMarked, type PolicySettings, type Profile } from '../policy/profile.ts';

/** The queues of the reconcilers that the cache wakes. */
export interface Wakeable {
  /** By tracker. */
  readonly entries: { add(key: ObjectKey): void };
  /** By pod, as are the others. */
  readonly earlierInstances: { add(key: ObjectKey): void };
  readonly markEvents: { add(key: ObjectKey): void };
  readonly stalledPods: { add(key: ObjectKey): void };
}

/**
 * Wakes the keys that a change of the cache concerns. A reconcile reads the present, so the change itself is not passed on.
 * To be called before the cache starts. `stalledPods`: the pods that a change of a node may free.
 */
export function wakeOnChanges(
  cache: Cache,
  settings: PolicySettings,
  queues: Wakeable,
  stalledPods: () => readonly ObjectKey[],
): void {
  const { profile } = settings;
  cache.trackers.subscribe((change) => queues.entries.add(keyOf(objectOf(change))));
  cache.pods.subscribe((change) => {
    const pod = objectOf(change);
    const key = keyOf(pod);
    const tracker = trackerKeyOf(pod, profile.tracking);
    if (tracker !== undefined) queues.entries.add(keyOf(tracker));
    if (cache.earlierInstances.get(change.key) !== undefined) queues.earlierInstances.add(key);
    const isAboutMark = involvesMark(change, settings);
    if (isAboutMark) queues.markEvents.add(key);
    if (isAboutMark || mayStall(pod, cache, profile)) queues.stalledPods.add(key);
  });
  // Only what drains, undrains, comes or goes reaches this: heartbeats change nothing that is kept of a node.
  cache.nodes.subscribe(() => {
    // Until the first lists are in, whatever has been woken looks again by itself.
    if (cache.hasSynced()) wakeAfterNodeChange(cache, queues, stalledPods());
  });
}

function wakeAfterNodeChange(cache: Cache, queues: Wakeable, stalledPods: readonly ObjectKey[]): void {
  for (const tracker of cache.trackers.values()) {
    if (Object.keys(tracker.entries).length > 0) queues.entries.add(keyOf(tracker));
  }
  for (const pod of cache.earlierInstances.pods()) queues.earlierInstances.add(pod);
  for (const pod of stalledPods) queues.stalledPods.add(pod);
}

/** A key holds no object: it may wait for hours. */
function keyOf({ namespace, name }: ObjectKey): ObjectKey {
  return namespace === undefined ? { name } : { namespace, name };
}

function objectOf<T>(change: Change<T>): T {
  return change.kind === 'removed' ? change.before : change.now;
}

/** Whether an unmarked pod may keep a drain waiting: something like it was to move before. */
function mayStall(pod: Pod, cache: Cache, { tracking }: Profile): boolean {
  const tracked = trackerKeyOf(pod, tracking);
  const tracker = tracked && cache.trackers.get(storeKey(tracked));
  if (tracker !== undefined && Object.keys(tracker.entries).length > 0) return true;
  const podKey = storeKey(pod);
  return cache.earlierInstances.get(podKey) !== undefined || cache.markMemory.get(podKey, pod.uid) !== undefined;
}

function involvesMark(change: Change<Pod>, { profile }: PolicySettings): boolean {
  if (change.kind !== 'added' && isMarked(change.before, profile)) return true;
  return change.kind !== 'removed' && isMarked(change.now, profile);
}
