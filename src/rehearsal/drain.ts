import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface DrainOptions {
  /** The kubectl to run. */
  readonly kubectl: string;
  readonly kubeconfigPath: string;
  /** A folder for what kubectl would leave in the user's home. */
  readonly homeDir: string;
  readonly node: string;
  /** Added to the flags that an administrator would use. */
  readonly args?: readonly string[];
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

/** Drains a node with kubectl, without a time limit of kubectl's own. Resolves to the exit code, 128 + n for a signal. */
export async function drain(options: DrainOptions): Promise<number> {
  const { kubectl, kubeconfigPath, homeDir, node, args = [], timeoutMs, signal, onLine } = options;
  const child = spawn(kubectl, ['drain', node, '--ignore-daemonsets', '--delete-emptydir-data', ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: homeDir,
      KUBECONFIG: kubeconfigPath,
      KUBECACHEDIR: join(homeDir, 'kubectl-cache'),
      KUBERC: 'off',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
    timeout: timeoutMs,
  });
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  process.once('exit', kill);
  if (signal?.aborted) kill();
  const ended = Promise.withResolvers<number>();
  child.once('error', ended.reject);
  child.once('close', (code, name) => ended.resolve(code ?? 128 + (name === null ? 0 : constants.signals[name])));
  const tell = async (stream: Readable, which: 'stdout' | 'stderr') => {
    for await (const line of createInterface({ input: stream })) onLine?.(line, which);
  };
  try {
    const [code] = await Promise.all([ended.promise, tell(child.stdout, 'stdout'), tell(child.stderr, 'stderr')]);
    return code;
  } finally {
    signal?.removeEventListener('abort', kill);
    process.off('exit', kill);
  }
}
