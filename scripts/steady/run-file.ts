import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPORTER = fileURLToPath(new URL('./failures-reporter.ts', import.meta.url));
const GRACE_MS = 20_000;

export interface Outcome {
  readonly durationMs: number;
  readonly passed: boolean;
  readonly failed: readonly string[];
  readonly output: string;
}

/** Runs one test file once, as `npm test` does. Rejects where the signal aborts; the tests are ended then. */
export async function runFile(
  file: string,
  { limitMs, signal }: { limitMs: number; signal: AbortSignal },
): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), 'steady-'));
  try {
    const failures = join(dir, 'failures');
    const reporters = [
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...[`--test-reporter=${REPORTER}`, `--test-reporter-destination=${failures}`],
    ];
    const startedAt = performance.now();
    const limit = AbortSignal.timeout(limitMs);
    const { code, output } = await outputOf(['--test', ...reporters, file], AbortSignal.any([limit, signal]));
    signal.throwIfAborted();
    const durationMs = Math.round(performance.now() - startedAt);
    const failed = readFileSync(failures, 'utf-8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as string);
    if (limit.aborted) failed.push(`did not end within ${limitMs / 60_000} min`);
    return { durationMs, passed: code === 0 && failed.length === 0, failed, output };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function outputOf(args: readonly string[], signal: AbortSignal) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  // The runner then lets its files clean up; what does not end is killed.
  let killing: NodeJS.Timeout | undefined;
  const end = () => {
    child.kill('SIGTERM');
    killing = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  };
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    const code = await promise;
    return { code, output: Buffer.concat(chunks).toString() };
  } finally {
    clearTimeout(killing);
    signal.removeEventListener('abort', end);
  }
}
