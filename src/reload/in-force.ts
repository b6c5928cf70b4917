import { unlessAborted } from '../async/abort.ts';
import { type Clock, timeLimit } from '../async/clock.ts';
import type { Cache, Remembers } from '../cache/cache.ts';
import type { Cached, Change } from '../informer/store.ts';

/** A list of 20,000 pods takes some seconds, and an API server that is busy some more. */
const SYNC_WITHIN_MS = 120_000;

/** What runs, and another of its kind may take its place. */
export interface Replaceable {
  readonly cache: Pick<Cache, 'adopt' | Remembers>;
  start(): void;
  stop(): Promise<void>;
}

/**
 * The one in force. Another one runs beside it until it has synced, takes over what it remembers, and answers from then on, so
 * that at every time there is one that may answer.
 */
export class InForce<T extends Replaceable> {
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #handlers = new Set<(change: Change<Cached>) => void>();
  #current: T;

  constructor(first: T, clock: Pick<Clock, 'setTimer'>) {
    this.#clock = clock;
    this.#current = first;
    this.#attend(first);
  }

  get current(): T {
    return this.#current;
  }

  /** Changes of the protected pods, also where profiles that others protect them by take over. */
  subscribe(handler: (change: Change<Cached>) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /**
   * Starts the other one, and lets it take over once `synced` resolves. Throws if it does not in time, or when the signal
   * aborts; then all is as before.
   */
  async replace(next: T, synced: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const limit = timeLimit(this.#clock, SYNC_WITHIN_MS, signal);
    next.start();
    try {
      await unlessAborted(synced, limit.signal);
    } catch (error) {
      await next.stop();
      signal.throwIfAborted();
      throw new Error('the cache of the new profiles has not synced', { cause: error });
    } finally {
      limit.close();
    }
    const before = this.#current;
    next.cache.adopt(before.cache);
    this.#current = next;
    this.#attend(next);
    this.#tellDifference(before, next);
    await before.stop();
  }

  #attend(one: T): void {
    one.cache.pods.subscribe((change) => {
      if (one === this.#current) this.#tell(change);
    });
  }

  #tell(change: Change<Cached>): void {
    for (const handler of this.#handlers) handler(change);
  }

  #tellDifference({ cache: { pods: before } }: T, { cache: { pods } }: T): void {
    for (const now of pods.values()) {
      const key = pods.keyOf(now);
      if (before.get(key) === undefined) this.#tell({ kind: 'added', key, now });
    }
    for (const one of before.values()) {
      const key = before.keyOf(one);
      if (pods.get(key) === undefined) this.#tell({ kind: 'removed', key, before: one });
    }
  }
}
