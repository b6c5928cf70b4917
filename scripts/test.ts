import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Conflicts, flag, helpOf, readArguments, UsageError, value } from '../src/command-line.ts';
import {
  chosenKubernetes,
  DEFAULT_KUBERNETES,
  kubernetesVersions,
  readVersions,
} from '../testkit/control-plane/versions.ts';
import { onEach } from './on-each.ts';
import { browserFiles, buildHook, clusterFiles, fastFiles, shareCompiled, unitFiles } from './test-files.ts';

const END_AT_ONCE = new URL('./end-at-once.ts', import.meta.url).href;
const TEST = {
  name: 'npm test --',
  about:
    'Runs every test that this machine can run: the unit tests, those in a browser, and those on a real control plane. When there is no browser or no control plane, the other tests run, and a line at the end says which did not. With CI=true that counts as a failure.',
  options: {
    unit: flag('--unit', 'leaves the browser and the control plane out'),
    long: flag('--long', 'runs only those on a real control plane, with every repetition of what they prove'),
    cluster: flag('--cluster', 'runs only those on a real control plane'),
    kubernetes: value(
      '--kubernetes <VERSION>',
      `the Kubernetes of the control plane: a minor version, all, or other: the newest that has been built but for ${DEFAULT_KUBERNETES}, where there is one (default: ${DEFAULT_KUBERNETES})`,
      (text) => (text === 'other' ? text : readVersions(text, ['other'])),
    ),
    fast: flag('--fast', 'leaves out, too, what takes long: what a commit needs'),
  },
  operands: {
    name: 'FILE',
    about: 'runs these files of tests instead; with --long those on a control plane repeat all',
    isList: true,
  },
  notes:
    'Exit code: 0 if all passed, 1 if a test failed or, with CI=true, was not run, 2 for a wrong command line. The last line says how long each part took.',
};
const PARTS = ['unit', 'long', 'cluster', 'fast'] as const;
const conflictsIn: Conflicts<typeof TEST.options> = (_, isGiven) => {
  const parts = PARTS.filter((part) => isGiven(part));
  const without = parts.filter((part) => part === 'unit' || part === 'fast');
  return [
    ...(parts.length > 1 ? [`name one of ${parts.map((part) => `--${part}`).join(' and ')}`] : []),
    ...(isGiven('kubernetes') ? without.map((part) => `--${part} needs no control plane: leave --kubernetes out`) : []),
  ];
};
/** These need a machine to themselves: late answers are what they look for, the second one only at full depth. */
const ALONE = ['load.test.ts'];
const ALONE_AT_FULL_DEPTH = [...ALONE, 'bystanders.test.ts'];
/** Half of their time they wait, for drainers and kubelets; each has a control plane of its own, of some 600 MB. */
const CLUSTERS_AT_ONCE = 4;
const notRun: string[] = [];
const took: string[] = [];

try {
  process.exitCode = await main();
  if (took.length > 0) console.log(`took: ${took.join(', ')}`);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`test: ${error.message}`);
  process.exitCode = 2;
}

function readLine(args: readonly string[]) {
  const { options, operands: files } = readArguments(TEST, args, '--help', conflictsIn);
  const missing = files.filter((file) => !file.includes('*') && !existsSync(file));
  if (missing.length > 0) throw new UsageError(`there is no file ${missing.join(', ')}`);
  const [part] = PARTS.filter((one) => one !== 'long' && options[one]);
  if (files.length > 0 && part !== undefined) throw new UsageError(`FILE says what is run: leave --${part} out`);
  const isForNothing = files.length > 0 && !files.some((file) => kindOf(file) === 'cluster');
  if (options.kubernetes && isForNothing)
    throw new UsageError('no FILE of these needs a control plane: leave --kubernetes out');
  return { options, files };
}

async function main(): Promise<number> {
  const { options, files } = readLine(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(helpOf(TEST));
    return 0;
  }
  const versions = await versionsFor(options.kubernetes);
  if (versions.length === 0) {
    console.log(
      `No Kubernetes but ${DEFAULT_KUBERNETES} has been built here: npm run cluster:build -- --kubernetes all`,
    );
    return 0;
  }
  if (!options.fast) buildHook();
  shareCompiled();
  if (options.long) process.env.DEPTH = 'full';
  if (files.length > 0) return tell(await runNamed(files, versions));
  if (options.fast) return run(fastFiles(), 2, 'fast tests');
  if (options.unit) return run(unitFiles(), 2, 'unit tests');
  if (!options.long) {
    const elsewhere = options.cluster ? [] : [run(unitFiles(), 2, 'unit tests'), await inBrowser()];
    return tell([...elsewhere, ...(await onEach(versions, troubleWith, () => onControlPlane(ALONE)))]);
  }
  return tell(await onEach(versions, troubleWith, () => onControlPlane(ALONE_AT_FULL_DEPTH)));
}

/** Whatever cannot run here is said not to have run, and is not left to the files themselves. */
async function runNamed(files: readonly string[], versions: readonly string[]): Promise<number[]> {
  const { cluster = [], browser = [], unit = [] } = Object.groupBy(files, kindOf);
  const codes = unit.length > 0 ? [run(unit, 1)] : [];
  if (browser.length > 0) codes.push(await inBrowser(browser));
  if (cluster.length === 0) return codes;
  return [...codes, ...(await onEach(versions, troubleWith, () => onBuilt(cluster, () => run(cluster, 1))))];
}

function kindOf(file: string): string {
  return /\/test\/(cluster|browser)\//.exec(resolve(file))?.[1] ?? 'unit';
}

/** None: the other one is wanted, and there is none. */
async function versionsFor(wanted: readonly string[] | 'other' | undefined): Promise<readonly string[]> {
  if (wanted === undefined) return [chosenKubernetes()];
  if (wanted !== 'other') return wanted;
  const { findAssets } = await import('../testkit/control-plane/assets.ts');
  const isBuilt = (version: string) => findAssets(version).state === 'ready';
  return kubernetesVersions()
    .filter((version) => version !== DEFAULT_KUBERNETES && isBuilt(version))
    .slice(-1);
}

function tell(codes: readonly number[]): number {
  for (const line of notRun) console.log(`NOT RUN: ${line}`);
  const failed = codes.find((code) => code !== 0);
  return failed ?? (process.env.CI === 'true' && notRun.length > 0 ? 1 : 0);
}

async function inBrowser(browser: readonly string[] = browserFiles()): Promise<number> {
  const { findChromium, NO_CHROMIUM } = await import('../testkit/browser/chromium.ts');
  if (findChromium() !== undefined) return run(browser, 1, 'in a browser');
  notRun.push(`${browser.length} files of tests in a browser: ${NO_CHROMIUM}`);
  return 0;
}

function onControlPlane(alone: readonly string[]): Promise<number> {
  const cluster = clusterFiles();
  const isAlone = (file: string) => alone.some((name) => file.endsWith(name));
  const beside = cluster.filter((file) => !isAlone(file));
  return onBuilt(cluster, () => {
    const where = `on Kubernetes ${chosenKubernetes()}`;
    const codes = [run(beside, CLUSTERS_AT_ONCE, where), run(cluster.filter(isAlone), 1, `${where}, alone,`)];
    return codes.find((code) => code !== 0) ?? 0;
  });
}

/** Builds the control plane first, or says that these files were not run. */
async function onBuilt(files: readonly string[], tests: () => number): Promise<number> {
  const trouble = await troubleWith(chosenKubernetes());
  if (trouble === undefined) return tests();
  const where = `on a real control plane of Kubernetes ${chosenKubernetes()}`;
  notRun.push(`${files.length} files of tests ${where}: ${trouble}`);
  return 0;
}

/** Builds that control plane, or resolves to why there can be none. */
async function troubleWith(kubernetes: string): Promise<string | undefined> {
  const { ensureAssets, AssetsUnavailable } = await import('../testkit/control-plane/assets.ts');
  try {
    await ensureAssets({ kubernetes, log: (line: string) => console.log(line) });
    return undefined;
  } catch (error) {
    if (!(error instanceof AssetsUnavailable)) throw error;
    return error.message;
  }
}

function run(files: readonly string[], concurrency: number, what = 'these files'): number {
  if (files.length === 0) {
    console.log('no test files');
    return 1;
  }
  const options = ['--test', '--test-reporter=spec', `--test-concurrency=${concurrency}`, `--import=${END_AT_ONCE}`];
  const startedAt = performance.now();
  const { status } = spawnSync(process.execPath, [...options, ...files], { stdio: 'inherit' });
  took.push(`${what} ${((performance.now() - startedAt) / 60_000).toFixed(1)} min`);
  return status ?? 1;
}
