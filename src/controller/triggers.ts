import { type Cache, trackerKey, trackerKeyOf } from '../cache/cache.ts';
import type { Change } from '../informer/store.ts';
import type { Pod, PolicySettings } from '../policy/model.ts';
import { isMarked } from '../policy/pod-state.ts';
import type { TrackerKind } from '../policy/trackers/index.ts';
import type { Reconcile } from './controller.ts';
import type { EntryReconciler } from './entries.ts';
import type { MarkEventReconciler } from './mark-events.ts';
import type { StalledPodReconciler } from './stalled-pods.ts';

/** Keys of the work queue are `<kind> <store key>`. */
const KEYS = { tracker: 'tracker', departed: 'departed', requested: 'requested', stall: 'stall' } as const;

/** The kind of a key of the work queue. */
export const kindOfKey = (key: string) => key.slice(0, key.indexOf(' '));

/** Sends a key to the reconciler of its kind. */
export function createReconcile(
  entries: EntryReconciler,
  requested: MarkEventReconciler,
  stall: StalledPodReconciler,
): Reconcile {
  return async (key, signal) => {
    const kind = kindOfKey(key);
    const storeKey = key.slice(kind.length + 1);
    switch (kind) {
      case KEYS.tracker:
        return entries.reconcileTracker(storeKey, signal);
      case KEYS.departed:
        return entries.reconcileEarlierInstance(storeKey);
      case KEYS.requested:
        return requested.reconcile(storeKey, signal);
      case KEYS.stall:
        return stall.reconcile(storeKey, signal);
      default:
        throw new Error(`no reconciler for key ${key}`);
    }
  };
}

/**
 * Wakes the keys that a change of the cache concerns; a reconcile reads the present, so the change itself is not passed on.
 * To be called before the cache starts.
 */
export function wakeOnChanges(
  cache: Cache,
  add: (key: string) => void,
  settings: PolicySettings,
  trackerKind: TrackerKind | undefined,
): void {
  cache.trackers.subscribe((change) => add(`${KEYS.tracker} ${change.key}`));
  cache.pods.subscribe((change) => {
    const tracker = trackerKeyOf(podOf(change), trackerKind);
    if (tracker !== undefined) add(`${KEYS.tracker} ${tracker}`);
    if (cache.earlierInstances.get(change.key) !== undefined) add(`${KEYS.departed} ${change.key}`);
    if (!involvesMark(change, settings)) return;
    add(`${KEYS.requested} ${change.key}`);
    add(`${KEYS.stall} ${change.key}`);
  });
  // Only what drains, undrains, comes or goes reaches this: heartbeats change nothing that is kept of a node.
  cache.nodes.subscribe(() => {
    // Until the first lists are in, whatever has been woken looks again by itself.
    if (!cache.hasSynced()) return;
    for (const tracker of cache.trackers.values()) {
      if (Object.keys(tracker.entries).length > 0) add(`${KEYS.tracker} ${trackerKey(tracker)}`);
    }
    for (const key of cache.earlierInstances.keys()) add(`${KEYS.departed} ${key}`);
  });
}

function podOf(change: Change<Pod>): Pod {
  return change.kind === 'removed' ? change.before : change.now;
}

function involvesMark(change: Change<Pod>, settings: PolicySettings): boolean {
  if (change.kind !== 'added' && isMarked(change.before, settings)) return true;
  return change.kind !== 'removed' && isMarked(change.now, settings);
}
