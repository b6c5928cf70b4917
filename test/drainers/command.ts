import { DRAINERS } from '../../rehearsal/drainers/models/index.ts';
import { type Conflicts, flag, list, readArguments, value, whole } from '../../src/command-line.ts';
import { KINDS } from './kinds.ts';

/** The name of all kubectls. */
export const KUBECTL = 'kubectl';

export const COMMAND = {
  name: 'npm run drainers --',
  about:
    'Lets models of drainers, and the kubectl of each version that has been built (npm run cluster:build -- --kubernetes all), drain a node of each kind of profile on a real control plane, and run into their own time limits under an operator that does nothing. Writes what happened into test/drainers/results.json, and docs/drainers.md from that. What is not played again stays as it was.',
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
      'this one instead of the one built for that version, like 1.33=/opt/kubectl-1.33',
      versionAndPath,
    ),
    isMissing: flag('--missing', 'only what no earlier run has shown, or only with a model that has been changed'),
    atOnce: value('--at-once <N>', 'how many drains go on beside each other', whole(1, 100), 4),
    isDry: flag('--dry', 'writes nothing'),
    page: flag('--page', 'only writes the page, from what earlier runs have shown'),
    list: flag('--list', 'names the drainers and the profiles, and ends'),
  },
  notes:
    'Exit code: 0 if every pod was moved once and by its operator, but where it is known that nobody tells the operator, and each limit came as its model says; 1 if not; 2 if it could not begin.',
};

const PLAYING = ['drainers', 'kinds', 'kubectls', 'isMissing', 'atOnce', 'isDry'] as const;

const conflictsIn: Conflicts<typeof COMMAND.options> = ({ page, list }, isGiven) => {
  const [first] = PLAYING.filter((name) => isGiven(name)).map((name) => COMMAND.options[name].flags.split(' ')[0]);
  const playsNothing = [...(page ? ['--page'] : []), ...(list ? ['--list'] : [])];
  return [
    ...(playsNothing.length > 1 ? [`name one of ${playsNothing.join(' and ')}`] : []),
    ...(first === undefined ? [] : playsNothing.map((one) => `${one} plays nothing: leave ${first} out`)),
  ];
};

export type Wanted = ReturnType<typeof readArguments<typeof COMMAND.options>>['options'];

export const readWanted = (args: readonly string[]): Wanted =>
  readArguments(COMMAND, args, '--help', conflictsIn).options;

/** `--list`. */
export function listing(): string {
  const drainers = [
    ...DRAINERS.map(({ name, title }) => [name, title]),
    [KUBECTL, 'the kubectl of each version that has been built'],
  ];
  const profiles = KINDS.map(({ profile, title }) => [profile, title]);
  const shown = (rows: readonly (readonly string[])[]) =>
    rows.map(([name = '', title]) => `${name.padEnd(24)} ${title}\n`);
  return ['Drainers:\n', ...shown(drainers), '\nProfiles:\n', ...shown(profiles)].join('');
}

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
