import type { Change } from '../informer/store.ts';
import type { Pod } from '../policy/model.ts';

interface Ending {
  readonly uid: string;
  readonly way: string;
  readonly since: number;
}

/**
 * Since when this process has known a pod to be terminating, or finished, by pod key. A wall clock that is minutes ahead
 * would take a pod that its operator is replacing at this moment for a corpse; a restart starts over, and a drain waits longer.
 */
export class TerminationTimes {
  readonly #byKey = new Map<string, Ending>();
  readonly #monotonicNow: () => number;

  constructor(monotonicNow: () => number) {
    this.#monotonicNow = monotonicNow;
  }

  /**
   * For how many ms this instance has been known to end in just the way that `pod` tells; absent: it is not known to. A live
   * read may be ahead of what this was told, and what it tells of has only just begun then.
   */
  forMs(podKey: string, pod: Pod): number | undefined {
    const ending = this.#byKey.get(podKey);
    return ending?.uid === pod.uid && ending.way === wayOf(pod) ? this.#monotonicNow() - ending.since : undefined;
  }

  /** To be told of every change of the pod store. */
  observe(change: Change<Pod>): void {
    if (change.kind === 'removed') {
      this.#byKey.delete(change.key);
      return;
    }
    const { uid } = change.now;
    const way = wayOf(change.now);
    if (way === undefined) return;
    const before = this.#byKey.get(change.key);
    if (before?.uid === uid && before.way === way) return;
    this.#byKey.set(change.key, { uid, way, since: this.#monotonicNow() });
  }
}

/**
 * What is counted from its beginning. A terminating pod that is deleted again with less grace gets a new deadline: the time
 * that it had before is no time for which the new one is past.
 */
function wayOf({ finishedAt, deletionDeadline, deletionGraceSeconds }: Pod): string | undefined {
  if (finishedAt !== undefined) return 'finished';
  return deletionDeadline === undefined ? undefined : `until ${deletionDeadline} after ${deletionGraceSeconds}`;
}
