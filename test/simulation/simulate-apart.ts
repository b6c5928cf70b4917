import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** The simulation in a process of its own: the test runner follows every promise, which makes it several times slower. */
export const simulate = (args: readonly string[]) =>
  spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf-8' });
