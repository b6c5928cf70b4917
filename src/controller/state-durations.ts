import type { Clock } from '../async/clock.ts';
import { keepOnly } from '../cache/bounded-map.ts';

/**
 * Remembers since when each subject has been in its present state. It uses the monotonic clock, so that a wall clock
 * that jumps cannot prune an entry. A restart starts over, which only keeps entries longer.
 */
export class StateDurations {
  readonly #seen = new Map<string, { readonly state: string; readonly at: number }>();
  readonly #clock: Pick<Clock, 'monotonicNow'>;

  constructor(clock: Pick<Clock, 'monotonicNow'>) {
    this.#clock = clock;
  }

  /** How long, in ms, `subject` has been in `state` without a break, as far as this process knows. */
  heldMs(subject: string, state: string): number {
    const now = this.#clock.monotonicNow();
    const seen = this.#seen.get(subject);
    if (seen?.state === state) return now - seen.at;
    this.#seen.set(subject, { state, at: now });
    return 0;
  }

  /** Forgets every subject that `keep` does not have. */
  keepOnly(keep: { has(subject: string): boolean }): void {
    keepOnly(this.#seen, keep);
  }

  /** Every subject whose state is known. */
  subjects(): Iterable<string> {
    return this.#seen.keys();
  }

  forget(subject: string): void {
    this.#seen.delete(subject);
  }
}
