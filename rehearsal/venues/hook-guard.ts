import type { HookProcess } from '../../testkit/hook-process.ts';

/** Notices when a hook ends that nobody has stopped: most of what a rehearsal waits for would then never come. */
export class HookGuard {
  /** Rejects when that happens. */
  readonly died: Promise<never>;
  readonly #hook: Pick<HookProcess, 'exited' | 'lines' | 'stop' | 'start'>;
  readonly #reject: (error: Error) => void;
  #isStopped = false;

  constructor(hook: Pick<HookProcess, 'exited' | 'lines' | 'stop' | 'start'>) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.died = promise;
    this.#reject = reject;
    this.#hook = hook;
    this.#watch();
  }

  /** Stops it, and expects that, but no other end of it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const { code, signal } = await this.#hook.stop();
    if (signal === null && code !== 0) this.#reject(new Error(`the hook ended with code ${code} when it was to stop`));
  }

  /** Starts it again, on the same ports. */
  async start(): Promise<void> {
    await this.#hook.start();
    this.#isStopped = false;
    this.#watch();
  }

  #watch(): void {
    void this.#hook.exited.then(({ code, signal }) => {
      if (this.#isStopped) return;
      const last = this.#hook.lines.at(-1)?.message;
      const words = last === undefined ? '' : `; it said last: ${last}`;
      this.#reject(new Error(`the hook ended with ${signal ?? `code ${code}`}, and nobody had stopped it${words}`));
    });
  }
}
