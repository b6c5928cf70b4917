import { spawn } from 'node:child_process';
import { accessSync, constants as files } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Drainer, DrainRequest } from './drainer.ts';

export interface KubectlOptions {
  /** The kubectl to run. */
  readonly kubectl: string;
  /** Absent: what `env` says. */
  readonly kubeconfigPath?: string;
  /** Over what it is given otherwise, which is nearly nothing. */
  readonly env?: NodeJS.ProcessEnv;
  /** A folder for what kubectl would leave in the user's home. */
  readonly homeDir: string;
  /** Added to the flags that an administrator would use. */
  readonly args?: readonly string[];
}

/** A real kubectl, as a process of its own. Its exit code is 128 + n where signal n ended it. */
export function kubectlDrainer(options: KubectlOptions): Drainer {
  const { args = [] } = options;
  return {
    name: 'kubectl drain',
    voice: 'kubectl',
    drain: (request) => drain(options, request),
    dryRun: (request) => drain({ ...options, args: [...args, '--dry-run=server'] }, request),
  };
}

async function drain(options: KubectlOptions, request: DrainRequest): Promise<number> {
  const { kubectl, kubeconfigPath, homeDir, args = [], env } = options;
  const { node, timeoutMs, signal, onLine } = request;
  const child = spawn(kubectl, ['drain', node, '--ignore-daemonsets', '--delete-emptydir-data', ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: homeDir,
      ...env,
      ...(kubeconfigPath === undefined ? {} : { KUBECONFIG: kubeconfigPath }),
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
  const read = async (stream: Readable, which: 'stdout' | 'stderr') => {
    for await (const line of createInterface({ input: stream })) onLine?.(line, which);
  };
  try {
    const [code] = await Promise.all([ended.promise, read(child.stdout, 'stdout'), read(child.stderr, 'stderr')]);
    return code;
  } finally {
    signal?.removeEventListener('abort', kill);
    process.off('exit', kill);
  }
}

/** The kubectl that is installed here, if any. */
export function installedKubectl(path = process.env.PATH ?? ''): string | undefined {
  const candidates = path.split(delimiter).flatMap((dir) => (dir === '' ? [] : [join(dir, 'kubectl')]));
  return candidates.find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, files.X_OK);
    return true;
  } catch {
    return false;
  }
}
