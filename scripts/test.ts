import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

/**
 * `npm test`: everything that this machine can run. `--unit` leaves the control plane out; other arguments are file names
 * to run instead. Where the control plane cannot be had, the rest runs and one line at the end says what was not run; with
 * CI=true that is a failure, so that nothing is skipped in silence.
 */
const CLUSTER_TESTS = 'test/cluster/**/*.test.ts';

const args = process.argv.slice(2);
const unitOnly = args.includes('--unit');
const named = args.filter((arg) => !arg.startsWith('--'));
const unit = globSync('test/**/*.test.ts', { exclude: ['test/cluster/**', '**/node_modules/**'] }).sort();
const cluster = globSync(CLUSTER_TESTS).sort();

if (named.length > 0) process.exitCode = run(named, 1);
else if (unitOnly) process.exitCode = run(unit, 2);
else process.exitCode = await all();

async function all(): Promise<number> {
  const unitCode = run(unit, 2);
  const { ensureAssets, AssetsUnavailable } = await import('../test/cluster/assets.ts');
  try {
    await ensureAssets({ log: (line: string) => console.log(line) });
  } catch (error) {
    if (!(error instanceof AssetsUnavailable)) throw error;
    console.log(`NOT RUN: the ${cluster.length} files of tests on a real control plane: ${error.message}`);
    return process.env.CI === 'true' ? 1 : unitCode;
  }
  // One after another: each starts clusters of its own, and two of them at once would only slow each other down.
  const clusterCode = run(cluster, 1);
  return unitCode || clusterCode;
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
