/**
 * Cleans up after a parent that could not. supervisor.ts starts it as a separate process. It reads on stdin which
 * processes and paths belong to the control plane. When stdin ends, the parent is gone, however it ended (even by
 * SIGKILL). It then kills and removes whatever is left.
 */
import { readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** One line of JSON on stdin. */
export type Note =
  | { readonly do: 'kill' | 'forgetProcess'; readonly pid: number }
  | { readonly do: 'remove' | 'forgetPath'; readonly path: string };

const waitAtMostMs = 10_000;
const pids = new Set<number>();
const paths = new Set<string>();

function take(note: Note): void {
  switch (note.do) {
    case 'kill':
      pids.add(note.pid);
      break;
    case 'forgetProcess':
      pids.delete(note.pid);
      break;
    case 'remove':
      paths.add(note.path);
      break;
    case 'forgetPath':
      paths.delete(note.path);
      break;
  }
}

/** Whether a process still runs. A zombie that nobody reaps (as with a careless PID 1) counts as ended. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return process.platform !== 'linux'; // no /proc elsewhere; on Linux it ended just now
  }
}

async function cleanUp(): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // already gone
    }
  }
  const giveUpAt = Date.now() + waitAtMostMs;
  while ([...pids].some(isRunning) && Date.now() < giveUpAt) await sleep(10);
  for (const path of paths) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}

// A Ctrl-C in the terminal is for the parent, which ends this process by closing stdin.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) take(JSON.parse(line) as Note);
await cleanUp();
