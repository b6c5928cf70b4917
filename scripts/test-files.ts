import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Which test files there are. The name and the place of a file decide when it runs:
 * `test/cluster` needs the control plane, `test/browser` a Chromium, and `*.slow.test.ts` and the folders in SLOW take time.
 */
const BROWSER = 'test/browser/**/*.test.ts';
const CLUSTER = 'test/cluster/**/*.test.ts';
/** Folders of which each file runs processes or searches at length. Elsewhere a file says it in its name. */
const SLOW = ['test/fuzz/**', 'test/rehearsal/**', 'test/**/*.slow.test.ts'];

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const find = (pattern: string, exclude: readonly string[] = []) =>
  globSync(pattern, { cwd: ROOT, exclude: ['**/node_modules/**', ...exclude] }).sort();

export const browserFiles = () => find(BROWSER);
export const clusterFiles = () => find(CLUSTER);
/** All but those of the browser and of the control plane. */
export const unitFiles = () => find('test/**/*.test.ts', [BROWSER, CLUSTER]);
/** What every commit needs: under a minute on two quiet cores. */
export const fastFiles = () => find('test/**/*.test.ts', [BROWSER, CLUSTER, ...SLOW]);

/**
 * Tests start the hook some hundred times. Built, as its image has it, it starts in a third of the time, see
 * `testkit/hook-process.ts`. A run that a test has started takes what is built already. Another run may be starting hooks from
 * that folder, so a new one takes its place when it is whole.
 */
export function buildHook(): void {
  if (process.env.HOOK_ENTRY !== undefined) return;
  const folder = `${ROOT}node_modules/.cache/hook`;
  const [fresh, old] = [`${folder}-${process.pid}`, `${folder}-${process.pid}-old`];
  for (const name of ['bin/check-node.cjs', 'bin/reschedule-hook.js', 'package.json'])
    cpSync(ROOT + name, `${fresh}/${name}`);
  const { status } = spawnSync(process.execPath, ['scripts/build.ts', `${fresh}/dist`], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the hook could not be built');
  if (existsSync(folder)) renameSync(folder, old);
  renameSync(fresh, folder);
  rmSync(old, { recursive: true, force: true });
  process.env.HOOK_ENTRY = `${folder}/bin/reschedule-hook.js`;
}

/**
 * Some hundred processes compile the same sources: they share what Node makes of them. One that is killed leaves nothing there,
 * as most hooks are in tests, so one that ends by itself goes first.
 */
export function shareCompiled(): void {
  process.env.NODE_COMPILE_CACHE ??= `${ROOT}node_modules/.cache/compiled`;
  const entries = [`${ROOT}bin/reschedule-hook.js`, process.env.HOOK_ENTRY].filter((one) => one !== undefined);
  for (const entry of entries) spawnSync(process.execPath, [entry, '--version']);
}
