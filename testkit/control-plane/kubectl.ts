/** Runs the pinned kubectl against one control plane. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Supervisor } from './supervisor.ts';

export interface KubectlResult {
  /** The exit code; as in a shell, 128 + signal number if a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface KubectlOptions {
  /** Text for stdin (for `apply -f -`); without it stdin is empty. */
  readonly input?: string;
  /** Sends SIGKILL after this time. Default: longer than a drain of tests may take. */
  readonly timeoutMs?: number;
  /** Sends SIGKILL when aborted. */
  readonly signal?: AbortSignal;
}

export type Kubectl = (args: readonly string[], options?: KubectlOptions) => Promise<KubectlResult>;

const defaultTimeoutMs = 400_000;

/** A non-zero exit code is a result. Rejects only if kubectl cannot run or a component of the cluster has died. */
export function kubectlFor(file: string, kubeconfigPath: string, supervisor: Supervisor): Kubectl {
  return async (args, options = {}) => {
    const child = spawn(file, args, {
      env: {
        PATH: process.env.PATH,
        KUBECONFIG: kubeconfigPath,
        // Avoids the user's settings, and leaves no discovery cache of a random port in their home.
        HOME: supervisor.dir,
        KUBECACHEDIR: join(supervisor.dir, 'kubectl-cache'),
        KUBERC: 'off',
      },
      stdio: ['pipe', 'pipe', 'pipe'],
      killSignal: 'SIGKILL',
      timeout: options.timeoutMs ?? defaultTimeoutMs,
    });
    const abort = () => child.kill('SIGKILL');
    options.signal?.addEventListener('abort', abort);
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
    supervisor.adopt(child);
    const stdout = gathered(child.stdout);
    const stderr = gathered(child.stderr);
    child.stdin.on('error', () => {}); // kubectl may end without reading all of it; its exit code reports that
    child.stdin.end(options.input ?? '');
    if (options.signal?.aborted) abort();

    const code = await ended.finally(() => options.signal?.removeEventListener('abort', abort));
    const failure = supervisor.failure();
    if (failure !== undefined) throw failure;
    return { code, stdout: stdout(), stderr: stderr() };
  };
}

function gathered(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
