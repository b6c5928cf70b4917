import type { Clock } from '../async/clock.ts';
import { putNewest } from '../cache/bounded-map.ts';

/** For so long nothing may show that a pod waits, until another wait is another matter to whoever reads the log. */
export const CALM_MS = 30 * 60_000;
/** 100 bytes each. No drain has so many pods. */
const MAX_ENDED = 10_000;

/** A stall that is over. */
export interface EndedStall {
  /** How often in a row the instance has stalled, with this time. */
  readonly times: number;
  /** When its next report is due, on the monotonic clock. Absent: it was reported. */
  readonly dueMs?: number;
}

/**
 * Remembers which instances were stalled a short time ago, and how often. Whoever may edit a pod (its mark, its labels, what
 * people say of it) can have it stall and not stall as often as they like. By UID, because a successor is another matter.
 */
export class EndedStalls {
  readonly #ended = new Map<string, EndedStall & { readonly at: number }>();
  readonly #clock: Pick<Clock, 'monotonicNow'>;

  constructor(clock: Pick<Clock, 'monotonicNow'>) {
    this.#clock = clock;
  }

  /** The instance does not count as stalled any more. */
  end(uid: string, stall: EndedStall): void {
    putNewest(this.#ended, uid, { ...stall, at: this.#clock.monotonicNow() }, MAX_ENDED);
    // The oldest are first.
    for (const one of this.#ended.keys())
      if (this.last(one) === undefined) this.#ended.delete(one);
      else break;
  }

  /** Its last stall; undefined if that ended longer ago than CALM_MS. */
  last(uid: string): EndedStall | undefined {
    const ended = this.#ended.get(uid);
    return ended !== undefined && this.#clock.monotonicNow() - ended.at < CALM_MS ? ended : undefined;
  }
}
