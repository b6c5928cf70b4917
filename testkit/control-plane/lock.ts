/** A lock file between processes of one machine. It protects work that is wasteful, but not harmful, to do twice. */
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const beatEveryMs = 2_000;
const staleAfterMs = 30_000;
const pollEveryMs = 300;
const logEveryMs = 8_000;

export interface LockOptions {
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs `work` while holding the lock file, and first waits for another holder. It ignores a holder that died, or whose
 * file was not touched for 30 seconds. Two waiters may do so at the same moment and both run, so that must only cost
 * time.
 */
export async function withLock<T>(path: string, { log, signal }: LockOptions, work: () => Promise<T>): Promise<T> {
  let loggedAt = 0;
  while (!tryTake(path)) {
    signal?.throwIfAborted();
    if (isStale(path)) {
      rmSync(path, { force: true });
      continue;
    }
    if (Date.now() - loggedAt >= logEveryMs) {
      loggedAt = Date.now();
      log(`another process (${holder(path)}) is building; waiting for it`);
    }
    await sleep(pollEveryMs);
  }
  const beat = setInterval(() => touch(path), beatEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if (holder(path) === process.pid) rmSync(path, { force: true });
  }
}

/** Whether a process with this id exists, even if another user owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function tryTake(path: string): boolean {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, `${process.pid}\n`);
    closeSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isStale(path: string): boolean {
  const pid = holder(path);
  if (pid !== undefined && !isAlive(pid)) return true;
  try {
    return Date.now() - statSync(path).mtimeMs > staleAfterMs;
  } catch {
    return false; // released in between: simply try again
  }
}

function holder(path: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return Number.isNaN(pid) ? undefined : pid;
  } catch {
    return undefined;
  }
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Another waiter took the lock after a long suspension. The rename at the end of each build keeps the result whole.
  }
}
