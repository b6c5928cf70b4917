import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import type { Rig } from './rig.ts';

const SCRIPT = fileURLToPath(new URL('./made-up-reviews.ts', import.meta.url));

export interface Flood {
  /** Waits until every connection, on average, has been answered or ended so often since the start. */
  untilRounds(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Made-up reviews in a process of their own; ends with the rig. */
export function startFlood(rig: Rig, hook: HookProcess, connections: number, atATime: number): Flood {
  const args = [hook.webhookPort, connections, atATime].map(String);
  const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let rounds = 0;
  const lines = createInterface(child.stdout);
  lines.on('line', () => rounds++);
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  rig.atStop(stop);
  return {
    async untilRounds(count) {
      while (rounds < count)
        await Promise.race([once(lines, 'line'), exited.then(() => Promise.reject(new Error('the flood has ended')))]);
    },
    stop,
  };
}
