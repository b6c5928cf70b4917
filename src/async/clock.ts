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
  /** A signal that aborts in `ms`. It does not keep the process alive. */
  timeoutSignal(ms: number): AbortSignal;
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
