import { Backoff, type BackoffOptions } from '../informer/backoff.ts';
import { describeError } from '../kube/errors.ts';
import { LOG, type Log } from '../log/messages.ts';
import { type QueueClock, WorkQueue } from './work-queue.ts';

/** What a reconcile says of its key: when to look again without being woken, if at all. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number;
}

export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult>;

export interface ControllerOptions {
  readonly reconcile: Reconcile;
  readonly clock: QueueClock;
  readonly random: () => number;
  readonly log: Log;
  readonly workers?: number;
  /** Told of every reconcile that was not cut short by a stop. */
  readonly onReconcile?: (key: string, result: 'success' | 'error', durationMs: number) => void;
  /** Told of every key that comes onto the queue. */
  readonly onAdd?: () => void;
}

const RETRY: BackoffOptions = { firstMs: 200, maxMs: 60_000, resetAfterMs: 600_000 };
const WORKERS = 4;

/** Workers over one queue. They alone own retry: an error backs the key off, a success forgets its failures. */
export class Controller {
  readonly queue: WorkQueue;
  readonly #options: ControllerOptions;
  readonly #failures = new Map<string, Backoff>();
  readonly #stop = new AbortController();
  #workers: Promise<void>[] = [];

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.queue = new WorkQueue(options.clock, options.onAdd);
  }

  start(): void {
    for (let i = 0; i < (this.#options.workers ?? WORKERS); i++) this.#workers.push(this.#work());
  }

  /** Lets what is in hand finish, for as long as its API calls may take once they are told to end. */
  async stop(): Promise<void> {
    this.queue.close();
    this.#stop.abort();
    await Promise.all(this.#workers);
    this.#workers = [];
  }

  async #work(): Promise<void> {
    for (let key = await this.queue.take(); key !== undefined; key = await this.queue.take()) {
      await this.#reconcile(key);
      this.queue.done(key);
    }
  }

  async #reconcile(key: string): Promise<void> {
    const { reconcile, clock, random, log, onReconcile } = this.#options;
    const startedAt = clock.monotonicNow();
    const done = (result: 'success' | 'error') => onReconcile?.(key, result, clock.monotonicNow() - startedAt);
    try {
      const { requeueAfterMs } = await reconcile(key, this.#stop.signal);
      this.#failures.delete(key);
      if (requeueAfterMs !== undefined) this.queue.addAfter(key, requeueAfterMs);
      done('success');
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      const backoff = this.#failures.get(key) ?? new Backoff(RETRY, () => clock.monotonicNow(), random);
      this.#failures.set(key, backoff);
      const retryInMs = Math.round(backoff.next());
      this.queue.addAfter(key, retryInMs);
      log.warn(LOG.reconcileFailed, { key, error: describeError(error), retryInMs });
      done('error');
    }
  }
}
