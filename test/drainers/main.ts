import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { DrainerModel } from '../../rehearsal/drainers/model.ts';
import { DRAINERS } from '../../rehearsal/drainers/models/index.ts';
import { flag, helpOf, list, readArguments, UsageError, value, whole } from '../../src/command-line.ts';
import { describeError } from '../../src/kube/errors.ts';
import { ProfileHooks } from '../cluster/support/profile-hooks.ts';
import { type Rig, startRig } from '../cluster/support/rig.ts';
import { KINDS } from './kinds.ts';
import { pageOf } from './page.ts';
import { merged, PAGE, RESULTS, readResults } from './results.ts';
import { kubectlSubject, type Subject, subjectOf } from './subject.ts';
import { type Done, playAll } from './tasks.ts';

const KUBECTL = 'kubectl';

const COMMAND = {
  name: 'npm run drainers --',
  about:
    'Lets models of drainers, and kubectl itself, drain a node of each kind of profile on a real control plane, and run into their own time limits under an operator that does nothing. Writes what happened into test/drainers/results.json, and docs/drainers.md from that. What is not played again stays as it was.',
  options: {
    drainers: value(
      '--drainer <NAME,...>',
      'only these; the default is all',
      namesOf([KUBECTL, ...DRAINERS.map(({ name }) => name)]),
    ),
    kinds: value(
      '--profile <NAME,...>',
      'only these profiles; the default is one of each kind',
      namesOf(KINDS.map(({ profile }) => profile)),
    ),
    kubectls: list(
      '--kubectl <VERSION=PATH>',
      'one more kubectl, like 1.33=/opt/kubectl-1.33; can be repeated',
      versionAndPath,
    ),
    atOnce: value('--at-once <N>', 'how many drains go on beside each other', whole(1, 100), 6),
    noWrite: flag('--no-write', 'writes nothing'),
    page: flag('--page', 'only writes the page, from what earlier runs showed'),
    list: flag('--list', 'names the drainers and the profiles, and ends'),
  },
  notes:
    'Exit code: 0 if every pod was moved once and by its operator, or a drainer deleted it at its limit; 1 if not; 2 if it could not begin.',
};

function namesOf(all: readonly string[]): (text: string) => readonly string[] {
  return (text) => {
    const names = text.split(',');
    const wrong = names.filter((name) => !all.includes(name));
    if (wrong.length > 0) throw new Error(`takes names of --list, not "${wrong.join(',')}"`);
    return names;
  };
}

function versionAndPath(text: string): { readonly version: string; readonly path: string } {
  const [, version, path] = /^(\d[\w.-]*)=(.+)$/.exec(text) ?? [];
  if (version === undefined || path === undefined) throw new Error(`takes a version and a path, not "${text}"`);
  return { version, path };
}

type Wanted = ReturnType<typeof readArguments<typeof COMMAND.options>>['options'];

async function main(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.abort(new Error('interrupted')));
  }
  try {
    const { options } = readArguments(COMMAND, args);
    if (options.help) process.stdout.write(helpOf(COMMAND));
    else if (options.list) process.stdout.write(listing());
    else if (options.page) await writeFile(PAGE, pageOf(readResults()));
    else return await run(options, interrupted.signal);
    return 0;
  } catch (error) {
    process.stderr.write(`drainers: ${describeError(error)}\n`);
    if (interrupted.signal.aborted) return 130;
    return error instanceof UsageError || (error as Error).name === 'AssetsUnavailable' ? 2 : 1;
  }
}

function listing(): string {
  const lines = [...DRAINERS.map(({ name, title }) => [name, title]), [KUBECTL, 'the kubectl of the control plane']];
  const profiles = KINDS.map(({ profile, title }) => [profile, title]);
  const shown = (rows: readonly (readonly string[])[]) =>
    rows.map(([name = '', title]) => `${name.padEnd(24)} ${title}\n`);
  return ['Drainers:\n', ...shown(lines), '\nProfiles:\n', ...shown(profiles)].join('');
}

async function run(options: Wanted, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  const progress = (line: string) => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${line}\n`);
  };
  const isWanted = (name: string) => options.drainers?.includes(name) ?? true;
  const models = DRAINERS.filter(({ name }) => isWanted(name));
  const kinds = KINDS.filter(({ profile }) => options.kinds?.includes(profile) ?? true);
  progress('starts a control plane and two hooks');
  const rig = await startRig({ installCrd: false });
  try {
    const hooks = await ProfileHooks.start(rig);
    const kubectls = await kubectlsFor(rig, options, isWanted(KUBECTL));
    const subjects = [...kubectls, ...models.map(subjectOf)];
    const done = await playAll(subjects, kinds, limitedOf(models), { hooks, atOnce: options.atOnce, signal, progress });
    if (!options.noWrite) await write(done, await versionOf(rig));
    return verdictOf(done);
  } finally {
    await rig.stop();
  }
}

const limitedOf = (models: readonly DrainerModel[]) => models.filter(({ limit }) => limit !== undefined);

async function kubectlsFor({ controlPlane }: Rig, { kubectls }: Wanted, isOwn: boolean): Promise<Subject[]> {
  const { kubeconfigPath, dir: homeDir, assets } = controlPlane;
  const own = isOwn ? [{ version: await clientVersion(assets.kubectl), path: assets.kubectl }] : [];
  const all = new Map([...own, ...kubectls].map(({ version, path }) => [`${KUBECTL} ${version}`, path]));
  return [...all].map(([name, kubectl]) => kubectlSubject(name, { kubectl, kubeconfigPath, homeDir }));
}

/** Without the patch version, which changes more often than what it does. */
async function clientVersion(kubectl: string): Promise<string> {
  const { stdout } = await promisify(execFile)(kubectl, ['version', '--client', '--output=json']);
  return minorOf(JSON.parse(stdout).clientVersion.gitVersion);
}

async function versionOf({ client }: Rig): Promise<string> {
  const { gitVersion } = await client.json({ method: 'GET', path: '/version' });
  return minorOf(String(gitVersion));
}

const minorOf = (version: string) => /\d+\.\d+/.exec(version)?.[0] ?? version;

async function write({ drains, limits }: Done, kubernetes: string): Promise<void> {
  const results = merged(readResults(), { kubernetes, drains, limits });
  await writeFile(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(PAGE, pageOf(results));
}

function verdictOf({ drains, broken }: Done): number {
  const wrong = drains.filter(({ problems, pods }) => problems.length > 0 || pods === 'deleted');
  for (const { drainer, profile, problems } of wrong) {
    process.stdout.write(`NOT SAFE  ${drainer}, ${profile}: ${problems.join('; ') || 'a pod was deleted'}\n`);
  }
  for (const one of broken) process.stdout.write(`BROKE OFF  ${one.split('\n')[0]}\n`);
  process.stdout.write(`${drains.length} drains, ${wrong.length} not safe, ${broken.length} broke off\n`);
  return wrong.length + broken.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
