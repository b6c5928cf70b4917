import { writeFileSync } from 'node:fs';
import { DRAINERS } from '../../rehearsal/drainers/models/index.ts';
import { helpOf, UsageError } from '../../src/command-line.ts';
import { describeError } from '../../src/kube/errors.ts';
import { ProfileHooks } from '../cluster/support/profile-hooks.ts';
import { type Rig, startRig } from '../cluster/support/rig.ts';
import { COMMAND, KUBECTL, listing, readWanted, type Wanted } from './command.ts';
import { KINDS } from './kinds.ts';
import { assertVersion, clientVersion, minorOf } from './kubectls.ts';
import { pageOf } from './page.ts';
import { isShown, merged, type Outcome, PAGE, RESULTS, type Results, readResults } from './results.ts';
import { kubectlSubject, type Subject, subjectOf } from './subject.ts';
import { drainsOf, limitsOf, playAll, type Shown } from './tasks.ts';

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
    const subjects = [...(await kubectlsFor(rig, wanted)), ...models.map(subjectOf)];
    const all = [...drainsOf(subjects, kinds), ...limitsOf(models)];
    const before = readResults();
    const tasks = isMissing ? all.filter(({ key }) => !isShown(before, key)) : all;
    const kubernetes = await versionOf(rig);
    let results: Results = before;
    const played: Outcome[] = [];
    const onShown = (shown: Shown) => {
      played.push(...shown.drains);
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

async function kubectlsFor({ controlPlane }: Rig, { kubectls, drainers }: Wanted): Promise<Subject[]> {
  const { kubeconfigPath, dir: homeDir, assets } = controlPlane;
  const isOwn = drainers?.includes(KUBECTL) ?? true;
  const own = isOwn ? [{ version: minorOf(await clientVersion(assets.kubectl)), path: assets.kubectl }] : [];
  const all = new Map([...own, ...kubectls].map(({ version, path }) => [`${KUBECTL} ${version}`, path]));
  return [...all].map(([name, kubectl]) => kubectlSubject(name, { kubectl, kubeconfigPath, homeDir }));
}

async function versionOf({ client }: Rig): Promise<string> {
  const { gitVersion } = await client.json({ method: 'GET', path: '/version' });
  return minorOf(String(gitVersion));
}

function verdictOf(drains: readonly Outcome[], broken: readonly string[]): number {
  const wrong = drains.filter(({ problems, pods }) => problems.length > 0 || pods === 'deleted');
  for (const { drainer, profile, problems } of wrong) {
    process.stdout.write(`NOT SAFE  ${drainer}, ${profile}: ${problems.join('; ') || 'a pod was deleted'}\n`);
  }
  for (const one of broken) process.stdout.write(`BROKE OFF  ${one.split('\n')[0]}\n`);
  process.stdout.write(`${drains.length} drains, ${wrong.length} not safe, ${broken.length} broke off\n`);
  return wrong.length + broken.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
