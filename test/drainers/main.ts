import { writeFileSync } from 'node:fs';
import type { KubectlOptions } from '../../rehearsal/drainers/kubectl.ts';
import { DRAINERS } from '../../rehearsal/drainers/models/index.ts';
import { helpOf, UsageError } from '../../src/command-line.ts';
import { describeError } from '../../src/kube/errors.ts';
import { findAssets } from '../../testkit/control-plane/assets.ts';
import { kubernetesVersions } from '../../testkit/control-plane/versions.ts';
import { ProfileHooks } from '../cluster/support/profile-hooks.ts';
import { type Rig, startRig } from '../cluster/support/rig.ts';
import { COMMAND, KUBECTL, listing, readWanted, type Wanted } from './command.ts';
import { wrongAtLimit, wrongIn } from './expected.ts';
import { KINDS } from './kinds.ts';
import { assertVersion, clientVersion, minorOf } from './kubectls.ts';
import { pageOf } from './page.ts';
import { isShown, merged, PAGE, RESULTS, type Results, readResults } from './results.ts';
import { kubectlAtLimit, kubectlSubject, subjectOf } from './subject.ts';
import { drainsOf, limitedOf, limitsOf, playAll, type Shown } from './tasks.ts';

/** `npm run drainers`: resolves to the exit code; see COMMAND for what it means. */
async function main(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.abort(new Error('interrupted')));
  }
  try {
    return await run(readWanted(args), interrupted.signal);
  } catch (error) {
    process.stderr.write(`drainers: ${describeError(error)}\n`);
    return interrupted.signal.aborted ? 130 : codeOf(error);
  }
}

const codeOf = (error: unknown) =>
  error instanceof UsageError || (error as Error).name === 'AssetsUnavailable' ? 2 : 1;

async function run(wanted: Wanted, signal: AbortSignal): Promise<number> {
  if (wanted.help || wanted.list) process.stdout.write(wanted.help ? helpOf(COMMAND) : listing());
  else if (wanted.page) writeFileSync(PAGE, pageOf(readResults()));
  else return play(wanted, signal);
  return 0;
}

async function play(wanted: Wanted, signal: AbortSignal): Promise<number> {
  const { atOnce, kinds: profiles, kubectls, drainers, isMissing, isDry } = wanted;
  const startedAt = performance.now();
  const progress = (line: string) => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${line}\n`);
  };
  const models = DRAINERS.filter(({ name }) => drainers?.includes(name) ?? true);
  const kinds = KINDS.filter(({ profile }) => profiles?.includes(profile) ?? true);
  for (const one of kubectls) await assertVersion(one);
  progress('starts a control plane and two hooks');
  const rig = await startRig({ installCrd: false });
  try {
    const hooks = await ProfileHooks.start(rig);
    const own = await kubectlsFor(rig, wanted, progress);
    const subjects = [...own.map((one) => kubectlSubject(...one)), ...models.map(subjectOf)];
    const limited = [...own.map((one) => kubectlAtLimit(...one)), ...limitedOf(models)];
    const all = [...drainsOf(subjects, kinds), ...limitsOf(limited)];
    const before = readResults();
    const tasks = isMissing ? all.filter(({ key }) => !isShown(before, key)) : all;
    const kubernetes = await versionOf(rig);
    let results: Results = before;
    let played: Results = { drains: [], limits: [] };
    const onShown = (shown: Shown) => {
      played = merged(played, shown);
      results = merged(results, shown);
      // At once, so that an interruption costs only what is under way.
      if (!isDry) writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
    };
    const broken = await playAll(tasks, { hooks, kubernetes, atOnce, signal, progress, onShown });
    if (!isDry) writeFileSync(PAGE, pageOf(results));
    return verdictOf(played, broken);
  } finally {
    await rig.stop();
  }
}

type OneKubectl = readonly [name: string, options: KubectlOptions];

/** That of the control plane, and of each other version that has been built; then those that were named. */
async function kubectlsFor({ controlPlane }: Rig, wanted: Wanted, progress: (line: string) => void) {
  const { kubeconfigPath, dir: homeDir, assets } = controlPlane;
  const paths = new Map<string, string>();
  if (wanted.drainers?.includes(KUBECTL) ?? true) {
    for (const version of kubernetesVersions()) {
      const found = findAssets(version);
      if (found.state === 'ready') paths.set(version, found.assets.kubectl);
    }
    paths.set(minorOf(await clientVersion(assets.kubectl)), assets.kubectl);
    const isNamed = (version: string) => wanted.kubectls.some((one) => minorOf(one.version) === version);
    for (const version of kubernetesVersions().filter((one) => !paths.has(one) && !isNamed(one)))
      progress(`kubectl ${version} is not played: npm run cluster:build -- --kubernetes ${version}`);
  }
  for (const { version, path } of wanted.kubectls) paths.set(minorOf(version), path);
  return [...paths].map(
    ([version, kubectl]): OneKubectl => [`${KUBECTL} ${version}`, { kubectl, kubeconfigPath, homeDir }],
  );
}

async function versionOf({ client }: Rig): Promise<string> {
  const { gitVersion } = await client.json({ method: 'GET', path: '/version' });
  return minorOf(String(gitVersion));
}

function verdictOf({ drains, limits }: Results, broken: readonly string[]): number {
  const wrong = [
    ...drains.map((one) => ({ what: `${one.drainer}, ${one.profile}`, why: wrongIn(one) })),
    ...limits.map((one) => ({ what: `${one.drainer} at its limit`, why: wrongAtLimit(one) })),
  ].filter(({ why }) => why.length > 0);
  for (const { what, why } of wrong) process.stdout.write(`NOT AS IT SHOULD BE  ${what}: ${why.join('; ')}\n`);
  for (const one of broken) process.stdout.write(`BROKE OFF  ${one.split('\n')[0]}\n`);
  process.stdout.write(
    `${drains.length} drains and ${limits.length} limits, ${wrong.length} not as they should be, ${broken.length} broke off\n`,
  );
  return wrong.length + broken.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
