export interface Timer {
  cancel(): void;
}

/** Time, as everything here sees it: `main` gives the system's, a test gives one that it moves. */
export interface Clock {
  /** Wall clock, epoch milliseconds: for instants that people or the API server see. It may jump. */
  now(): number;
  /** Milliseconds since some instant. It never jumps: for every span of time. */
  monotonicNow(): number;
  /** Calls back once, in `ms`. */
  setTimer(callback: () => void, ms: number): Timer;
  /** Resolves after whatever else is ready has had its turn, so that long work does not block the event loop. */
  giveWay(): Promise<void>;
}

/** Resolves in `ms`, or as soon as the signal aborts. Never rejects. */
export async function sleep(clock: Pick<Clock, 'setTimer'>, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = clock.setTimer(wake, ms);
  signal?.addEventListener('abort', wake, { once: true });
  await promise;
  signal?.removeEventListener('abort', wake);
  timer.cancel();
}

/** How long one piece of work may take. */
export interface TimeLimit {
  /** Aborts when the time is over, or when the outer signal does, with its reason. */
  readonly signal: AbortSignal;
  /** Call it when the work is over: the timer would keep the process alive. */
  close(): void;
}

/**
 * A limit of `ms`, or until `outer` aborts. Closed, it leaves nothing behind. `AbortSignal.any` with
 * `AbortSignal.timeout` would leave a timer for each call, until the garbage collector finds it (docs/performance.md).
 */
export function timeLimit(clock: Pick<Clock, 'setTimer'>, ms: number, outer?: AbortSignal): TimeLimit {
  const controller = new AbortController();
  const end = () => controller.abort(outer?.reason);
  const timer = clock.setTimer(() => controller.abort(tooLate()), ms);
  if (outer?.aborted) end();
  outer?.addEventListener('abort', end, { once: true });
  return {
    signal: controller.signal,
    close() {
      timer.cancel();
      outer?.removeEventListener('abort', end);
    },
  };
}

const tooLate = () => new DOMException('The operation was aborted due to timeout', 'TimeoutError');
