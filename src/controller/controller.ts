import type { Clock } from '../async/clock.ts';
import { Turns } from '../async/turns.ts';
import { putNewest } from '../cache/bounded-map.ts';
import { Backoff, type BackoffOptions } from '../informer/backoff.ts';
import { describeError } from '../kube/errors.ts';
import { LOG, type Log } from '../log/messages.ts';
import { type Bound, WorkQueue } from './work-queue.ts';

/** The result of a reconcile: when to look at its key again, if at all. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number;
}

/** Brings the subject of one key up to date. It reads the present, whatever woke it. */
export interface Reconciler<Key> {
  /** A label of metrics, and the first word of a key in logs. */
  readonly kind: string;
  /** Two keys with one id are the same key. */
  idOf(key: Key): string;
  /**
   * Every key that there may be something to do for, or that something is remembered of. The controller asks if it had to
   * leave out keys. Absent: the keys are few.
   */
  keys?(): Iterable<Key>;
  /** If it throws, the controller retries with backoff. */
  reconcile(key: Key, signal: AbortSignal): Promise<ReconcileResult>;
}

export interface ControllerOptions<Key> {
  readonly reconciler: Reconciler<Key>;
  readonly clock: Pick<Clock, 'monotonicNow' | 'setTimer' | 'giveWay'>;
  readonly random: () => number;
  readonly log: Log;
  readonly workers?: number;
  /** Called with the reconciler's kind for every reconcile that a stop did not cut short. */
  readonly onReconcile?: (kind: string, result: 'success' | 'error', durationMs: number) => void;
  /** Called for every key that enters the queue. */
  readonly onAdd?: () => void;
  /** Called with the reconciler's kind and the number of keys that the queue has dropped, because there were too many. */
  readonly onLeftOut?: (kind: string, count: number) => void;
}

const RETRY: BackoffOptions = { firstMs: 200, maxMs: 60_000, resetAfterMs: 600_000 };
const WORKERS = 2;
/** A key can take 1 KB; most take a tenth of that. No drain has so many pods. */
const MAX_KEYS = 10_000;
/** Most reconciles have nothing to do, and take some microseconds; one on a tracker full of entries takes a millisecond. */
const KEYS_IN_A_ROW = 20;

/** Runs workers on one queue. Only the workers retry: an error backs the key off, a success forgets its failures. */
export class Controller<Key> {
  readonly queue: WorkQueue<Key>;
  readonly #options: ControllerOptions<Key>;
  readonly #failures = new Map<string, Backoff>();
  readonly #stop = new AbortController();
  readonly #turns: Turns;
  #workers: Promise<void>[] = [];

  constructor(options: ControllerOptions<Key>) {
    this.#options = options;
    const { clock, reconciler, onAdd } = options;
    this.#turns = new Turns(clock, KEYS_IN_A_ROW);
    const bound = boundOf(options);
    this.queue = new WorkQueue(clock, (key) => reconciler.idOf(key), {
      ...(onAdd && { onAdd }),
      ...(bound && { bound }),
    });
  }

  start(): void {
    for (let i = 0; i < (this.#options.workers ?? WORKERS); i++) this.#workers.push(this.#work());
  }

  /** Waits for the running reconciles, whose API calls are aborted. */
  async stop(): Promise<void> {
    this.queue.close();
    this.#stop.abort();
    await Promise.all(this.#workers);
    this.#workers = [];
  }

  async #work(): Promise<void> {
    for (let key = await this.queue.take(); key !== undefined; key = await this.queue.take()) {
      await this.#turns.next();
      await this.#reconcile(key);
      this.queue.done(key);
    }
  }

  async #reconcile(key: Key): Promise<void> {
    const { reconciler, clock, onReconcile } = this.#options;
    const { kind } = reconciler;
    const startedAt = clock.monotonicNow();
    const done = (result: 'success' | 'error') => onReconcile?.(kind, result, clock.monotonicNow() - startedAt);
    try {
      const { requeueAfterMs } = await reconciler.reconcile(key, this.#stop.signal);
      this.#failures.delete(reconciler.idOf(key));
      if (requeueAfterMs === undefined) this.queue.cancelLater(key);
      else this.queue.addAfter(key, requeueAfterMs);
      done('success');
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#retry(key, error);
      done('error');
    }
  }

  #retry(key: Key, error: unknown): void {
    const { reconciler, clock, random, log } = this.#options;
    const id = reconciler.idOf(key);
    const backoff = this.#failures.get(id) ?? new Backoff(RETRY, clock, random);
    putNewest(this.#failures, id, backoff, MAX_KEYS);
    const retryInMs = Math.round(backoff.next());
    this.queue.addAfter(key, retryInMs);
    log.warn(LOG.reconcileFailed, { key: `${reconciler.kind} ${id}`, error: describeError(error), retryInMs });
  }
}

/** For metrics; what is absent is not counted. */
export interface ControllerMetrics {
  onReconcile?(kind: string, result: 'success' | 'error', durationMs: number): void;
  onQueueAdd?(): void;
}

type Running<Key> = Pick<ControllerOptions<Key>, 'clock' | 'random' | 'log'>;

/** A controller that reconciles one key at a time. */
export const oneAtATime = <Key>(reconciler: Reconciler<Key>, running: Running<Key>, on: ControllerMetrics) =>
  withWorkers(1, reconciler, running, on);

/** A controller that reconciles so many keys at a time; the same key only once. */
export function withWorkers<Key>(
  workers: number,
  reconciler: Reconciler<Key>,
  { clock, random, log }: Running<Key>,
  on: ControllerMetrics,
): Controller<Key> {
  return new Controller({
    reconciler,
    clock,
    random,
    log,
    workers,
    onReconcile: (...what) => on.onReconcile?.(...what),
    onAdd: () => on.onQueueAdd?.(),
  });
}

function boundOf<Key>({ reconciler, onLeftOut }: ControllerOptions<Key>): Bound<Key> | undefined {
  if (reconciler.keys === undefined) return undefined;
  const keys = () => reconciler.keys?.() ?? [];
  return { max: MAX_KEYS, keys, onLeftOut: (count) => onLeftOut?.(reconciler.kind, count) };
}
