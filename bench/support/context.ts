import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Authority,
  createAuthority,
  type Serving,
  type ServingFiles,
  writeServing,
} from '../../testkit/certificates.ts';
import { Cleanup } from '../../testkit/cleanup.ts';
import { type HookProcess, startHook } from '../../testkit/hook-process.ts';
import { builtProcess, type ProcessName } from './build.ts';
import { IMAGE } from './image.ts';
import { type Handlers, type Process, type StartOptions, startProcess } from './rpc.ts';

/** What every phase needs: a folder, certificates, and processes that end with it. */
export interface Context {
  readonly quick: boolean;
  readonly signal: AbortSignal;
  readonly dir: string;
  readonly authority: Authority;
  readonly serving: Serving;
  readonly files: ServingFiles;
  /** Tells what is being done; to be called before anything that takes seconds. */
  progress(line: string): void;
  start<H extends Handlers>(name: ProcessName, options?: StartOptions): Process<H>;
  startHook(kubeconfigPath: string, env?: Readonly<Record<string, string>>, timeoutMs?: number): Promise<HookProcess>;
  /** A kubeconfig for a stand-in on that port. */
  kubeconfig(port: number): Promise<string>;
  defer(undo: () => Promise<unknown>): void;
}

/** Runs `work` and ends everything that was started within, last first, whatever happens. */
export async function withContext<T>(
  options: Pick<Context, 'quick' | 'signal' | 'progress'>,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const cleanup = new Cleanup();
  const dir = await mkdtemp(join(tmpdir(), 'reschedule-hook-bench-'));
  cleanup.defer(() => rm(dir, { recursive: true, force: true }));
  try {
    const authority = await createAuthority();
    const serving = await authority.issue();
    const files = await writeServing(dir, serving);
    return await interruptible(work(contextOf(options, { dir, authority, serving, files }, cleanup)), options.signal);
  } finally {
    await cleanup.run();
  }
}

function contextOf(
  options: Pick<Context, 'quick' | 'signal' | 'progress'>,
  made: Pick<Context, 'dir' | 'authority' | 'serving' | 'files'>,
  cleanup: Cleanup,
): Context {
  return {
    ...options,
    ...made,
    start<H extends Handlers>(name: ProcessName, startOptions?: StartOptions) {
      options.signal.throwIfAborted();
      const started = startProcess<H>(name, startOptions);
      cleanup.defer(() => started.stop());
      return started;
    },
    async startHook(kubeconfigPath, env = {}, timeoutMs) {
      options.signal.throwIfAborted();
      const settings = { LOG_LEVEL: 'info', ...IMAGE.env, ...env };
      const { nodeArgs } = IMAGE;
      const entry = builtProcess('hook');
      const within = timeoutMs === undefined ? {} : { timeoutMs };
      const hook = await startHook({ kubeconfigPath, files: made.files, env: settings, nodeArgs, entry, ...within });
      cleanup.defer(() => hook.stop());
      return hook;
    },
    async kubeconfig(port) {
      const path = join(made.dir, `stand-in-${port}.kubeconfig`);
      const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': made.authority.caBundle };
      const text = JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'stand-in', cluster }],
        users: [{ name: 'nobody', user: {} }],
        contexts: [{ name: 'stand-in', context: { cluster: 'stand-in', user: 'nobody' } }],
        'current-context': 'stand-in',
      });
      await writeFile(path, text, { mode: 0o600 });
      return path;
    },
    defer: (undo) => cleanup.defer(undo),
  };
}

/** Rejects at once when the signal comes; what is under way then fails with the processes that it talks to. */
async function interruptible<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
    promise.catch(() => undefined);
  }
}
