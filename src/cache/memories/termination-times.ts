import type { Change } from '../../informer/store.ts';
import type { Pod } from '../../policy/model.ts';

interface KnownState {
  readonly uid: string;
  readonly state: string;
  readonly since: number;
}

/**
 * Since when this process has known a pod to be terminating or finished, by pod key. The wall clock would be unsafe:
 * minutes ahead, it would make a corpse of a pod that its operator is replacing. A restart starts over, so a drain
 * waits longer.
 */
export class TerminationTimes {
  readonly #byKey = new Map<string, KnownState>();
  readonly #monotonicNow: () => number;

  constructor(monotonicNow: () => number) {
    this.#monotonicNow = monotonicNow;
  }

  /**
   * How long, in ms, this instance has been known to be terminating or finished in the state that `pod` shows. Absent
   * if that state is not known, because a live read can be ahead of the watch.
   */
  forMs(podKey: string, pod: Pod): number | undefined {
    const known = this.#byKey.get(podKey);
    return known?.uid === pod.uid && known.state === stateOf(pod) ? this.#monotonicNow() - known.since : undefined;
  }

  /** Takes over since when another one has known the states that this one knows, too. */
  adopt(other: TerminationTimes): void {
    for (const [podKey, { uid, state, since }] of other.#byKey) {
      const known = this.#byKey.get(podKey);
      if (known?.uid === uid && known.state === state) this.#byKey.set(podKey, { ...known, since });
    }
  }

  /** Takes every change of the pod store. */
  observe(change: Change<Pod>): void {
    if (change.kind === 'removed') {
      this.#byKey.delete(change.key);
      return;
    }
    const { uid } = change.now;
    const state = stateOf(change.now);
    if (state === undefined) return;
    const before = this.#byKey.get(change.key);
    if (before?.uid === uid && before.state === state) return;
    this.#byKey.set(change.key, { uid, state, since: this.#monotonicNow() });
  }
}

/**
 * The state whose duration counts. A second delete with less grace sets a new deadline, and so begins a new state: time
 * before the new deadline does not count.
 */
function stateOf({ finishedAt, deletionDeadline, deletionGraceSeconds }: Pod): string | undefined {
  if (finishedAt !== undefined) return 'finished';
  return deletionDeadline === undefined ? undefined : `until ${deletionDeadline} after ${deletionGraceSeconds}`;
}
