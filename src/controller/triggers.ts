import type { Clock } from '../async/clock.ts';
import { Rounds } from '../async/rounds.ts';
import { Turns } from '../async/turns.ts';
import type { Cache } from '../cache/cache.ts';
import { keyOf, type ObjectKey, storeKey, type TrackerKey, trackerKeyIn, trackersOf } from '../cache/keys.ts';
import { trackerAt } from '../cache/trackers.ts';
import type { Change } from '../informer/store.ts';
import type { Pod } from '../policy/model.ts';
import { isMarked, type PolicySettings, profileOf, trackingOfPod } from '../policy/profiles/profile.ts';
import type { TrackedAt } from '../policy/tracking/index.ts';
import { hasEntries } from '../policy/tracking/kept-entries.ts';

/** Somebody may put any number of pods on one node. */
const PODS_IN_A_ROW = 500;
/** What hinders an operator may change as often as its owner likes, and each change concerns every stalled pod. */
const STALLED_REST_MS = 5_000;

/** The queues of the reconcilers that the cache wakes. */
export interface Wakeable {
  /** By tracker. */
  readonly entries: { add(key: TrackerKey): void };
  /** By pod, as are the others. */
  readonly earlierInstances: { add(key: ObjectKey): void };
  readonly markEvents: { add(key: ObjectKey): void };
  readonly stalledPods: { add(key: ObjectKey): void };
  readonly withdrawals: { add(key: ObjectKey): void };
  readonly evictions: { add(key: ObjectKey): void };
}

export interface Others {
  readonly clock: Pick<Clock, 'giveWay' | 'monotonicNow' | 'setTimer'>;
  /** The pods that a change of a node may free. */
  stalledPods(): Iterable<ObjectKey>;
}

export interface Waking {
  /** To be called once the caches have synced. */
  onSynced(): Promise<void>;
  stop(): void;
}

/**
 * Wakes the keys that a change of the cache concerns. A reconcile reads the present, so the change itself is not passed on.
 * To be called before the cache starts.
 */
export function wakeOnChanges(cache: Cache, settings: PolicySettings, queues: Wakeable, others: Others): Waking {
  const turns = new Turns(others.clock, PODS_IN_A_ROW);
  const wakePodsOn = wakerOf(cache, settings, queues, others);
  // A change of a node can free a stalled pod, which may be on no node.
  const stalled = new Rounds(others.clock, STALLED_REST_MS, () =>
    each(turns, others.stalledPods(), (pod) => queues.stalledPods.add(pod)),
  );
  cache.trackers.subscribe((change) => queues.entries.add(trackerKeyIn(objectOf(change))));
  cache.namespaces.subscribe(({ key }) => {
    if (!cache.hasSynced()) return;
    // A ConfigMap may have come before its Namespace, or be that of an earlier one.
    for (const tracker of cache.trackers.values()) {
      if (tracker.owner?.namespace === key) queues.entries.add(trackerKeyIn(tracker));
    }
  });
  cache.pods.subscribe((change) => {
    const pod = objectOf(change);
    const key = keyOf(pod);
    for (const tracker of placesOf(change, settings)) queues.entries.add(trackerKeyIn(tracker));
    if (cache.earlierInstances.get(change.key) !== undefined) queues.earlierInstances.add(key);
    const isAboutMark = involvesMark(change);
    if (isAboutMark) wakeForMark(pod, settings, queues);
    if (isAboutMark || mayStall(pod, cache, settings)) queues.stalledPods.add(key);
  });
  // Only what drains, undrains, comes or goes reaches this: heartbeats change nothing that is kept of a node.
  cache.nodes.subscribe(({ key }) => {
    // Until the first lists are in, whatever has been woken looks again by itself.
    if (!cache.hasSynced()) return;
    wakePodsOn(key);
    stalled.ask();
  });
  cache.hindrances.subscribe(() => stalled.ask());
  return {
    // A pod that came before its tracker did not seem to be one that may stall, and may never change again.
    onSynced: () =>
      each(turns, cache.pods.values(), (pod) => {
        if (mayStall(pod, cache, settings)) queues.stalledPods.add(keyOf(pod));
      }),
    stop: () => stalled.stop(),
  };
}

function wakeForMark(pod: Pod, settings: PolicySettings, queues: Wakeable): void {
  queues.markEvents.add(keyOf(pod));
  wakeForDrain(pod, settings, queues);
}

/** What becomes of a mark may depend on its drain. */
function wakeForDrain(pod: Pod, settings: PolicySettings, { withdrawals, evictions }: Wakeable): void {
  const profile = profileOf(pod, settings);
  if (profile?.withdraws) withdrawals.add(keyOf(pod));
  if (profile?.report) evictions.add(keyOf(pod));
}

/** A drainer waits for the pod, which the hook itself may evict. */
export function wakeForDrainer(pod: Pod, settings: PolicySettings, { evictions }: Pick<Wakeable, 'evictions'>): void {
  if (profileOf(pod, settings)?.report) evictions.add(keyOf(pod));
}

/** What concerns a node concerns the entries, memories and marks of the pods on it. A node that changes again meanwhile waits once. */
function wakerOf(cache: Cache, settings: PolicySettings, queues: Wakeable, { clock }: Others) {
  const turns = new Turns(clock, PODS_IN_A_ROW);
  const wake = (podKey: string) => {
    const pod = cache.pods.get(podKey);
    if (pod === undefined) return;
    if (cache.earlierInstances.get(podKey) !== undefined) queues.earlierInstances.add(keyOf(pod));
    if (isMarked(pod)) wakeForDrain(pod, settings, queues);
    for (const tracker of trackersOf(pod, trackingOfPod(pod, settings))) queues.entries.add(trackerKeyIn(tracker));
  };
  const due = new Set<string>();
  function* podsOnDue() {
    for (const node of due) {
      due.delete(node);
      yield* cache.podIndex.on(node);
    }
  }
  const rounds = new Rounds(clock, 0, () => each(turns, podsOnDue(), wake));
  return (node: string): void => {
    due.add(node);
    rounds.ask();
  };
}

/** Gives way to other work between slices. */
async function each<T>(turns: Turns, items: Iterable<T>, visit: (item: T) => void): Promise<void> {
  for (const item of items) {
    const turn = turns.next();
    if (turn !== undefined) await turn;
    visit(item);
  }
}

/** Where the pod's entries may be, and where they may have been: its labels say that, and of which profile it is. */
function placesOf(change: Change<Pod>, settings: PolicySettings): readonly TrackedAt[] {
  const pods = change.kind === 'updated' ? [change.before, change.now] : [objectOf(change)];
  return pods.flatMap((pod) => trackersOf(pod, trackingOfPod(pod, settings)));
}

function objectOf<T>(change: Change<T>): T {
  return change.kind === 'removed' ? change.before : change.now;
}

/** Whether an unmarked pod may keep a drain waiting: something like it was to move before. */
function mayStall(pod: Pod, cache: Cache, settings: PolicySettings): boolean {
  for (const place of trackersOf(pod, trackingOfPod(pod, settings))) {
    const tracker = trackerAt(cache, place);
    if (tracker !== undefined && hasEntries(tracker)) return true;
  }
  const podKey = storeKey(pod);
  if (cache.earlierInstances.get(podKey) !== undefined) return true;
  if (cache.markMemory.get(podKey, pod.uid) !== undefined) return true;
  const node = pod.node === undefined ? undefined : cache.nodes.get(pod.node);
  return node !== undefined && cache.markMemory.returnsTo(pod.namespace, node.uid) !== undefined;
}

function involvesMark(change: Change<Pod>): boolean {
  if (change.kind !== 'added' && isMarked(change.before)) return true;
  return change.kind !== 'removed' && isMarked(change.now);
}
