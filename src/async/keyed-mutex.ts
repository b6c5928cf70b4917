import { unlessAborted } from './abort.ts';

/** One at a time for each key, in order of arrival. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` when everything before it under this key has ended. Rejects if the signal comes while it waits. */
  async run<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    // A waiter that gives up still keeps the order: those behind it wait for those before it.
    const tail = before.then(() => released);
    this.#tails.set(key, tail);
    try {
      await unlessAborted(before, signal);
      return await work();
    } finally {
      release();
      // Not before the tail has ended: behind a waiter that gave up, the work before it may still be under way.
      void tail.then(() => this.#tails.get(key) === tail && this.#tails.delete(key));
    }
  }
}
