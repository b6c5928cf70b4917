import { LOG, type Log } from '../log/messages.ts';

/** Whoever floods a port must not flood the log as well. */
const PAUSE_MS = 60_000;

/**
 * To be called for each connection that was closed because there were too many. It logs the first, and then one line a
 * minute at the most, with the number since the line before.
 */
export function createConnectionLimitLog(log: Log, monotonicNow: () => number): () => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  let count = 0;
  return () => {
    count++;
    if (monotonicNow() - saidAt < PAUSE_MS) return;
    saidAt = monotonicNow();
    log.warn(LOG.displaced, { count });
    count = 0;
  };
}
