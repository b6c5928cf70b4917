import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../src/kube/errors.ts';

export interface UntilOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/** What was waited for did not come about; the message says what was seen last. */
export class NotYet extends Error {
  override readonly name = 'NotYet';
}

/** Longer than anything takes on a machine that has much else to do. */
const PATIENCE_MS = 60_000;

/**
 * Asks again and again until `probe` gives a value, and returns it. A probe tells by NotYet what is still missing, which
 * the final error then names; any other error it throws counts as "not yet" too, for an API server may be restarting.
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
