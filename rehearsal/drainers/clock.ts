import { setTimeout as sleep } from 'node:timers/promises';

/** The time that a drainer lives by. */
export interface DrainerClock {
  /** In ms; never goes back. */
  now(): number;
  /** Rejects once the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const REAL_CLOCK: DrainerClock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};
