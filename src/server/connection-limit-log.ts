import { atMostEvery } from '../log/at-most.ts';
import { LOG, type Log } from '../log/messages.ts';

/** Whoever floods a port must not flood the log as well. */
const PAUSE_MS = 60_000;

/**
 * To be called for each connection that was closed because there were too many. It logs the first, and then one line a
 * minute at the most, with the number since the line before.
 */
export function createConnectionLimitLog(log: Log, monotonicNow: () => number): () => void {
  const due = atMostEvery(PAUSE_MS, monotonicNow);
  return () => {
    const count = due();
    if (count !== undefined) log.warn(LOG.displaced, { count });
  };
}
