import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../src/kube/errors.ts';

export interface UntilOptions {
  /** Default: five minutes. */
  readonly timeoutMs?: number;
  /** Default: ever longer, a tenth of the time that has gone by, so that a long wait leaves the machine to others. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/** The awaited condition did not come about. The message has the last observed state. */
export class NotYet extends Error {
  override readonly name = 'NotYet';
}

/** Longer than any step takes, even on a machine that has twenty times as much to do as it can. */
export const PATIENCE_MS = 300_000;
const PAUSE_MS = { least: 25, most: 250 };

/**
 * Calls `probe` until it returns a value, and returns that value. A probe throws NotYet to describe what is missing,
 * and the final error repeats it. Any other error also counts as "not yet", because an API server may be restarting.
 */
export async function until<T>(what: string, probe: () => Promise<T>, options: UntilOptions = {}): Promise<T> {
  const { timeoutMs = PATIENCE_MS, everyMs, signal } = options;
  const since = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await probe();
    } catch (error) {
      if (performance.now() - since > timeoutMs) {
        throw new NotYet(`${what}: not after ${timeoutMs / 1000} s: ${describeError(error)}`, { cause: error });
      }
    }
    await sleep(everyMs ?? pauseAfter(performance.now() - since), undefined, signal ? { signal } : {});
  }
}

const pauseAfter = (waitedMs: number) => Math.min(PAUSE_MS.most, Math.max(PAUSE_MS.least, waitedMs / 10));
