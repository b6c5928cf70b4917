import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtProcess, type ProcessName } from './build.ts';

/** What a process of the benchmark can be asked for, by name; arguments and answers are plain data. */
export type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

type Argument<H extends Handlers, M extends keyof H> = Parameters<H[M]>[0];
type Answer<H extends Handlers, M extends keyof H> = Awaited<ReturnType<H[M]>>;

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A process of the benchmark, seen from the one that started it. It does not outlive that one. */
export class Process<H extends Handlers> {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #nextId = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (reply: Reply) => this.#settle(reply));
    child.on('exit', (code, signal) => this.#fail(new Error(`a process of the benchmark ended: ${signal ?? code}`)));
    child.on('error', (error) => this.#fail(error));
  }

  async call<M extends keyof H & string>(method: M, argument: Argument<H, M>): Promise<Answer<H, M>> {
    if (!this.#child.connected) throw new Error('a process of the benchmark has ended');
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = this.#nextId++;
    this.#calls.set(id, { resolve, reject });
    this.#child.send({ id, method, argument } satisfies Call);
    return (await promise) as Answer<H, M>;
  }

  /** It ends by itself when the channel closes; where it does not, it is killed. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    const tooSlow = new AbortController();
    const kill = sleep(2_000, undefined, { signal: tooSlow.signal, ref: false }).then(
      () => this.#child.kill('SIGKILL'),
      () => false,
    );
    await exited;
    tooSlow.abort();
    await kill;
  }

  #settle({ id, value, error }: Reply): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(error));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
}

/** Starts `bench/processes/<name>.ts` as a process of its own; see `buildProcesses`. */
export function startProcess<H extends Handlers>(name: ProcessName, options: StartOptions = {}): Process<H> {
  const file = builtProcess(name);
  const child = fork(file, [], {
    execArgv: [...(options.nodeArgs ?? [])],
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  return new Process<H>(child);
}
