import type { Pod } from '../policy/model.ts';
import type { Change } from './store.ts';

interface Ending {
  readonly uid: string;
  readonly isFinished: boolean;
  readonly since: number;
}

/**
 * Since when this process has known a pod to be terminating, or finished, by pod key. A wall clock that is minutes ahead
 * would take a pod that its operator is replacing at this moment for a corpse; a restart starts over, and a drain waits longer.
 */
export class EndingPods {
  readonly #byKey = new Map<string, Ending>();
  readonly #monotonicNow: () => number;

  constructor(monotonicNow: () => number) {
    this.#monotonicNow = monotonicNow;
  }

  /** For how many ms this instance has been known to be in its present way of ending; absent: it is not known to end. */
  forMs(podKey: string, uid: string): number | undefined {
    const ending = this.#byKey.get(podKey);
    return ending?.uid === uid ? this.#monotonicNow() - ending.since : undefined;
  }

  /** To be told of every change of the pod store. */
  observe(change: Change<Pod>): void {
    if (change.kind === 'removed') {
      this.#byKey.delete(change.key);
      return;
    }
    const { uid, finishedAt, deletionDeadline } = change.now;
    const isFinished = finishedAt !== undefined;
    if (!isFinished && deletionDeadline === undefined) return;
    const before = this.#byKey.get(change.key);
    if (before?.uid === uid && before.isFinished === isFinished) return;
    this.#byKey.set(change.key, { uid, isFinished, since: this.#monotonicNow() });
  }
}
