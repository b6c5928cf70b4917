import type { Clock } from '../async/clock.ts';

/** Whether evictions may go past the hook by its registration, and for how long they could. */
export class Protection {
  /** As far as is known. */
  isExposed = false;
  /** Whether it was once as it has to be, for this replica or for one that decided. Only then is anybody promised anything. */
  wasRight = false;
  /** Whether the last write of the webhooks failed. */
  hasFailed = false;
  readonly #clock: Pick<Clock, 'monotonicNow'>;
  #since: number | undefined;
  #endedMs = 0;

  constructor(clock: Pick<Clock, 'monotonicNow'>) {
    this.#clock = clock;
  }

  /** How long it did not protect, in ms. */
  get unprotectedMs(): number {
    return this.#endedMs + (this.#since === undefined ? 0 : this.#clock.monotonicNow() - this.#since);
  }

  /**
   * The time before it was right for the first time does not count, unless this replica could not fill it. `since`: when it
   * began, on the monotonic clock; absent: now.
   */
  account(isProtected: boolean, since = this.#clock.monotonicNow()): void {
    this.isExposed = !isProtected;
    const counts = !isProtected && (this.wasRight || this.hasFailed);
    if (counts) this.#since ??= since;
    else {
      this.#endedMs = this.unprotectedMs;
      this.#since = undefined;
    }
  }
}
