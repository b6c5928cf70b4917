import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../src/kube/errors.ts';

export interface UntilOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/** The awaited condition did not come about. The message has the last observed state. */
export class NotYet extends Error {
  override readonly name = 'NotYet';
}

/** Longer than any step takes, even on a busy machine. */
const PATIENCE_MS = 60_000;

/**
 * Calls `probe` until it returns a value, and returns that value. A probe throws NotYet to describe what is missing,
 * and the final error repeats it. Any other error also counts as "not yet", because an API server may be restarting.
 */
export async function until<T>(what: string, probe: () => Promise<T>, options: UntilOptions = {}): Promise<T> {
  const { timeoutMs = PATIENCE_MS, everyMs = 50, signal } = options;
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await probe();
    } catch (error) {
      if (performance.now() > giveUpAt) {
        throw new NotYet(`${what}: not after ${timeoutMs / 1000} s: ${describeError(error)}`, { cause: error });
      }
    }
    await sleep(everyMs, undefined, signal ? { signal } : {});
  }
}
