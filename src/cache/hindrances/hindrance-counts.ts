import type { Tracker } from '../../policy/model.ts';
import { type TrackerKey, trackerKey } from '../keys.ts';
import type { Trackers } from '../trackers.ts';

const NONE = 'None';

export interface CountedPod {
  /** What hinders its operator, whatever its tracker reports. */
  readonly hindrance?: string;
  /** Absent if it has none. */
  readonly tracker?: TrackerKey;
}

/**
 * How many pods are counted for each hindrance that their trackers report now; `None` if a tracker reports nothing, or
 * if there is none. A scrape reads the sums and counts nothing.
 */
export class HindranceCounts {
  readonly #trackers: Pick<Trackers, 'get' | 'subscribe'>;
  /** How many pods are counted for each tracker. */
  readonly #pods = new Map<string, number>();
  readonly #byHindrance = new Map<string, number>([[NONE, 0]]);

  constructor(trackers: Pick<Trackers, 'get' | 'subscribe'>) {
    this.#trackers = trackers;
    trackers.subscribe((change) => {
      const pods = this.#pods.get(change.key);
      if (pods === undefined) return;
      this.#add(change.kind === 'added' ? undefined : change.before, -pods);
      this.#add(change.kind === 'removed' ? undefined : change.now, pods);
    });
  }

  get byHindrance(): ReadonlyMap<string, number> {
    return this.#byHindrance;
  }

  /** Counts one pod more, or with -1 one pod less. */
  count({ hindrance, tracker }: CountedPod, sign: 1 | -1): void {
    if (hindrance !== undefined || tracker === undefined) {
      this.#addTo(hindrance ?? NONE, sign);
      return;
    }
    const key = trackerKey(tracker);
    const pods = (this.#pods.get(key) ?? 0) + sign;
    if (pods === 0) this.#pods.delete(key);
    else this.#pods.set(key, pods);
    this.#add(this.#trackers.get(tracker), sign);
  }

  #add(tracker: Tracker | undefined, pods: number): void {
    this.#addTo(tracker?.hindrance ?? NONE, pods);
  }

  #addTo(hindrance: string, pods: number): void {
    const sum = (this.#byHindrance.get(hindrance) ?? 0) + pods;
    if (sum === 0 && hindrance !== NONE) this.#byHindrance.delete(hindrance);
    else this.#byHindrance.set(hindrance, sum);
  }
}
