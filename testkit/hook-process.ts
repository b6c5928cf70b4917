import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LOG } from '../src/log/messages.ts';
import type { ServingFiles } from './certificates.ts';
import { END_WITH_PARENT } from './end-with-parent.ts';
import { type LogLine, LogLines } from './log-lines.ts';
import { freePorts } from './ports.ts';
import { NotYet, PATIENCE_MS, until } from './until.ts';

export interface HookOptions {
  readonly kubeconfigPath: string;
  readonly files: ServingFiles;
  /** Settings that override the ones set here; see src/config/settings.ts. */
  readonly env?: Readonly<Record<string, string>>;
  /** The script to run. Default: HOOK_ENTRY. */
  readonly entry?: string;
  /** Its arguments. Default: none. */
  readonly args?: readonly string[];
  /** Options of Node, before the script. */
  readonly nodeArgs?: readonly string[];
  readonly onLine?: (line: LogLine) => void;
  readonly timeoutMs?: number;
}

/** How a process ended: with an exit code, or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** bin/reschedule-hook.js, which runs the sources here. `npm test` has built it before, and says where. */
const SOURCES = fileURLToPath(new URL('../bin/reschedule-hook.js', import.meta.url));
export const HOOK_ENTRY = process.env.HOOK_ENTRY ?? SOURCES;
const STOP_TIMEOUT_MS = 20_000;

/** None outlives this process. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** The hook in its own process, as in a cluster. It does not outlive this process. */
export class HookProcess {
  readonly webhookPort: number;
  readonly healthPort: number;
  readonly #options: HookOptions;
  readonly #log: LogLines;
  #child: ChildProcess | undefined;
  #exited: Promise<Exit> = Promise.resolve({ code: null, signal: null });

  constructor(options: HookOptions, ports: { readonly webhook: number; readonly health: number }) {
    this.#options = options;
    this.#log = new LogLines(options.onLine);
    this.webhookPort = ports.webhook;
    this.healthPort = ports.health;
  }

  /** The URL for a webhook registration. */
  get url(): string {
    return `https://127.0.0.1:${this.webhookPort}/eviction`;
  }

  /** Base of /livez, /readyz and /metrics over plain HTTP. */
  get healthUrl(): string {
    return `http://127.0.0.1:${this.healthPort}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Whether it has been started, and has not ended. */
  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Every line so far, with those of earlier runs first. */
  get lines(): readonly LogLine[] {
    return this.#log.all;
  }

  /** Settles when the present process ends. */
  get exited(): Promise<Exit> {
    return this.#exited;
  }

  /** The first matching line from index `since` of `lines` on. It may exist already. */
  waitForLine(
    isIt: (line: LogLine) => boolean,
    options?: { since?: number; timeoutMs?: number; signal?: AbortSignal },
  ): Promise<LogLine> {
    return this.#log.waitFor(isIt, options);
  }

  /**
   * Starts the process and waits until it is ready. If it ends instead, rejects with its last lines. `env` applies to
   * this run only.
   */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const since = this.lines.length;
    this.#spawn(env);
    const { timeoutMs = PATIENCE_MS } = this.#options;
    const over = new AbortController();
    const died = this.#exited.then(({ code, signal }) => {
      const how = signal ?? `code ${code}`;
      throw new Error(`the hook ended with ${how} before it was ready:\n${this.#log.tail()}`);
    });
    try {
      await Promise.race([died, this.#ready(since, timeoutMs, over.signal)]);
    } catch (error) {
      this.kill('SIGKILL');
      throw error;
    } finally {
      over.abort();
      died.catch(() => undefined);
    }
  }

  /** Sends a signal and does not wait for the end; see `exited`. */
  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Closes the pipes that the process writes to, as when whoever collects its log has died. */
  closeOutput(): void {
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
  }

  /** Sends SIGTERM, and SIGKILL if that does not end it. Does nothing if the process has ended already. */
  async stop(): Promise<Exit> {
    const timer = setTimeout(() => this.kill('SIGKILL'), STOP_TIMEOUT_MS);
    this.kill('SIGTERM');
    const exit = await this.#exited;
    clearTimeout(timer);
    return exit;
  }

  /** Stops the process if it runs, and starts it on the same ports. */
  async restart(env: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.stop();
    await this.start(env);
  }

  async #ready(since: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.#log.waitFor(({ message }) => message === LOG.started, { since, timeoutMs, signal });
    const ready = async () => {
      const response = await fetch(`${this.healthUrl}/readyz`, { signal: AbortSignal.timeout(2_000) });
      const text = await response.text();
      if (!response.ok) throw new NotYet(`/readyz answers ${response.status} ${text.trim()}`);
    };
    await until('the hook to be ready', ready, { timeoutMs, signal });
  }

  #spawn(env: Readonly<Record<string, string>>): void {
    const { kubeconfigPath, files, nodeArgs = [], args = [] } = this.#options;
    // Whoever loads something into the process may change its sources.
    const { NODE_OPTIONS: loads } = { ...this.#options.env, ...env };
    const { entry = loads === undefined ? HOOK_ENTRY : SOURCES } = this.#options;
    const child = spawn(process.execPath, [...nodeArgs, '--import', END_WITH_PARENT, entry, ...args], {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        KUBECONFIG: kubeconfigPath,
        TLS_CERT_FILE: files.certFile,
        TLS_KEY_FILE: files.keyFile,
        BIND_ADDRESS: '127.0.0.1',
        WEBHOOK_PORT: String(this.webhookPort),
        HEALTH_PORT: String(this.healthPort),
        LOG_FORMAT: 'json',
        LOG_LEVEL: 'debug',
        SHUTDOWN_DELAY: '0s',
        ...this.#options.env,
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A Ctrl-C reaches only the parent, which may have to see it through. Whatever ends the parent ends the hook.
      detached: true,
    });
    this.#child = child;
    running.add(child);
    // `exited` settles only after both streams have ended, so that `lines` is complete.
    const gone = Promise.withResolvers<Exit>();
    // The end of the process reports this; a broken pipe adds nothing.
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => {
      this.#log.add({ message: `the hook could not be started: ${error.message}` });
      gone.resolve({ code: null, signal: null });
    });
    child.once('exit', (code, signal) => gone.resolve({ code, signal }));
    const read = Promise.all([this.#log.read(child.stdout), this.#log.read(child.stderr)]);
    this.#exited = gone.promise.then(async (exit) => {
      running.delete(child);
      await read;
      return exit;
    });
  }
}

/** Starts the hook on two free ports of 127.0.0.1, which a restart keeps, and waits until it is ready. */
export async function startHook(options: HookOptions): Promise<HookProcess> {
  const [webhook = 0, health = 0] = await freePorts(2);
  const hook = new HookProcess(options, { webhook, health });
  await hook.start();
  return hook;
}
