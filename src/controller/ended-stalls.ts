import type { Clock } from '../async/clock.ts';
import { putNewest } from '../cache/bounded-map.ts';

/** For so long nothing may show that a pod waits, until another wait is another matter to whoever reads the log. */
export const CALM_MS = 30 * 60_000;
/** 100 bytes each. No drain has so many pods. */
const MAX_ENDED = 10_000;

/**
 * Remembers which instances were stalled a short time ago, and how often. Whoever may edit a pod (its mark, its labels, what
 * people say of it) can have it stall and not stall as often as they like. By UID, because a successor is another matter.
 */
export class EndedStalls {
  readonly #ended = new Map<string, { readonly times: number; readonly at: number }>();
  readonly #clock: Pick<Clock, 'monotonicNow'>;

  constructor(clock: Pick<Clock, 'monotonicNow'>) {
    this.#clock = clock;
  }

  /** The instance does not count as stalled any more, for the `times`-th time in a row. */
  end(uid: string, times: number): void {
    putNewest(this.#ended, uid, { times, at: this.#clock.monotonicNow() }, MAX_ENDED);
    // The oldest are first.
    for (const one of this.#ended.keys())
      if (this.times(one) === 0) this.#ended.delete(one);
      else break;
  }

  /** How often it was stalled, each time no longer than CALM_MS after the time before; 0 if the last one is longer ago. */
  times(uid: string): number {
    const ended = this.#ended.get(uid);
    return ended !== undefined && this.#clock.monotonicNow() - ended.at < CALM_MS ? ended.times : 0;
  }
}
