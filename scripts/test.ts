import { spawnSync } from 'node:child_process';
import { browserFiles, clusterFiles, fastFiles, shareCompiled, unitFiles } from './test-files.ts';

/**
 * `npm test`: everything that this machine can run. `--unit` leaves the browser and the control plane out, `--fast` what takes
 * long, too; other arguments are file names to run instead. Where a browser or the control plane cannot be had, the rest runs
 * and a line at the end says what was not run; with CI=true that is a failure, so that nothing is skipped in silence.
 */

/** These need a machine to themselves: late answers are what one of them looks for. */
const ALONE = ['load.test.ts'];

shareCompiled();
const args = process.argv.slice(2);
const named = args.filter((arg) => !arg.startsWith('--'));
const notRun: string[] = [];

if (named.length > 0) process.exitCode = run(named, 1);
else if (args.includes('--fast')) process.exitCode = run(fastFiles(), 2);
else if (args.includes('--unit')) process.exitCode = run(unitFiles(), 2);
else process.exitCode = await all();

async function all(): Promise<number> {
  const codes = [run(unitFiles(), 2), await inBrowser(), await onControlPlane()];
  for (const line of notRun) console.log(`NOT RUN: ${line}`);
  const failed = codes.find((code) => code !== 0);
  return failed ?? (process.env.CI === 'true' && notRun.length > 0 ? 1 : 0);
}

async function inBrowser(): Promise<number> {
  const browser = browserFiles();
  const { findChromium, NO_CHROMIUM } = await import('../testkit/browser/chromium.ts');
  if (findChromium() !== undefined) return run(browser, 1);
  notRun.push(`the ${browser.length} files of tests in a browser: ${NO_CHROMIUM}`);
  return 0;
}

async function onControlPlane(): Promise<number> {
  const cluster = clusterFiles();
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
