import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BUSY_LOOP = fileURLToPath(new URL('./busy-loop.ts', import.meta.url));

/** Starts `count` processes that keep a core busy each. They end with this process, however it ends. */
export function startLoad(count: number): { readonly pids: readonly number[]; stop(): void } {
  const loops = Array.from({ length: count }, () =>
    spawn(process.execPath, [BUSY_LOOP], { stdio: ['pipe', 'ignore', 'inherit'] }),
  );
  return {
    pids: loops.map(({ pid = 0 }) => pid),
    stop: () => {
      for (const loop of loops) loop.kill('SIGKILL');
    },
  };
}
