import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * `npm test`: everything that this machine can run. `--unit` leaves the browser and the control plane out; other arguments
 * are file names to run instead. Where one of these cannot be had, the rest runs and a line at the end says what was not
 * run; with CI=true that is a failure, so that nothing is skipped in silence.
 */
const BROWSER_TESTS = 'test/browser/**/*.test.ts';
const CLUSTER_TESTS = 'test/cluster/**/*.test.ts';
/** These need a machine to themselves: late answers are what one of them looks for. */
const ALONE = ['load.test.ts'];
/**
 * Some hundred processes compile the same sources: they share what Node makes of them. One that is killed leaves nothing there,
 * as most hooks are in tests, so one that ends by itself goes first.
 */
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url));
spawnSync(process.execPath, [fileURLToPath(new URL('../bin/reschedule-hook.js', import.meta.url)), '--version']);

const args = process.argv.slice(2);
const unitOnly = args.includes('--unit');
const named = args.filter((arg) => !arg.startsWith('--'));
const unit = globSync('test/**/*.test.ts', {
  exclude: ['test/browser/**', 'test/cluster/**', '**/node_modules/**'],
}).sort();
const browser = globSync(BROWSER_TESTS).sort();
const cluster = globSync(CLUSTER_TESTS).sort();
const notRun: string[] = [];

if (named.length > 0) process.exitCode = run(named, 1);
else if (unitOnly) process.exitCode = run(unit, 2);
else process.exitCode = await all();

async function all(): Promise<number> {
  const codes = [run(unit, 2), await inBrowser(), await onControlPlane()];
  for (const line of notRun) console.log(`NOT RUN: ${line}`);
  const failed = codes.find((code) => code !== 0);
  return failed ?? (process.env.CI === 'true' && notRun.length > 0 ? 1 : 0);
}

async function inBrowser(): Promise<number> {
  const { findChromium, NO_CHROMIUM } = await import('../testkit/browser/chromium.ts');
  if (findChromium() !== undefined) return run(browser, 1);
  notRun.push(`the ${browser.length} files of tests in a browser: ${NO_CHROMIUM}`);
  return 0;
}

async function onControlPlane(): Promise<number> {
  const { ensureAssets, AssetsUnavailable } = await import('../testkit/control-plane/assets.ts');
  try {
    await ensureAssets({ log: (line: string) => console.log(line) });
  } catch (error) {
    if (!(error instanceof AssetsUnavailable)) throw error;
    notRun.push(`the ${cluster.length} files of tests on a real control plane: ${error.message}`);
    return 0;
  }
  const isAlone = (file: string) => ALONE.some((name) => file.endsWith(name));
  // Most of the others wait, for drainers and kubelets, and each has clusters of its own.
  const codes = [
    run(
      cluster.filter((file) => !isAlone(file)),
      2,
    ),
    run(cluster.filter(isAlone), 1),
  ];
  return codes.find((code) => code !== 0) ?? 0;
}

function run(files: readonly string[], concurrency: number): number {
  if (files.length === 0) {
    console.log('no test files');
    return 1;
  }
  const options = ['--test', '--test-reporter=spec', `--test-concurrency=${concurrency}`];
  const { status } = spawnSync(process.execPath, [...options, ...files], { stdio: 'inherit' });
  return status ?? 1;
}
