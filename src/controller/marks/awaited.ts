import type { Clock } from '../../async/clock.ts';
import { putNewest } from '../../cache/bounded-map.ts';
import { storeKey } from '../../cache/keys.ts';
import type { Pod } from '../../policy/model.ts';

/** For how long a drainer that has asked counts as waiting. They ask every few seconds, or minutes. */
const AWAITED_MS = 10 * 60_000;
const MAX = 10_000;
/** Whoever asks more often than that needs no more looks. */
const NEWS_AFTER_MS = 5_000;

type Instance = Pick<Pod, 'namespace' | 'name' | 'uid'>;

/** The instances that drainers have asked this process for a short time ago. Nothing on such a pod may show that. */
export class AwaitedPods {
  readonly #asked = new Map<string, { readonly uid: string; readonly at: number }>();
  readonly #clock: Pick<Clock, 'monotonicNow'>;

  constructor(clock: Pick<Clock, 'monotonicNow'>) {
    this.#clock = clock;
  }

  /** A drainer waits for the pod. False if that is no news. */
  note(pod: Instance): boolean {
    const askedMs = this.#askedMs(pod);
    if (askedMs !== undefined && askedMs < NEWS_AFTER_MS) return false;
    putNewest(this.#asked, storeKey(pod), { uid: pod.uid, at: this.#clock.monotonicNow() }, MAX);
    return true;
  }

  has(pod: Instance): boolean {
    const askedMs = this.#askedMs(pod);
    return askedMs !== undefined && askedMs < AWAITED_MS;
  }

  #askedMs(pod: Instance): number | undefined {
    const asked = this.#asked.get(storeKey(pod));
    return asked?.uid === pod.uid ? this.#clock.monotonicNow() - asked.at : undefined;
  }
}
