import { helpOf, list, oneOf, readArguments, UsageError, value, whole } from '../../src/command-line.ts';
import type { Target } from './target.ts';

const fuzz = (names: readonly string[], notes = '') => ({
  name: 'npm run fuzz --',
  about:
    'Sends what nobody should ever send, and checks after each case what must hold. The unit tests do the same for a few hundred cases each; this is for many. Nothing leaves the process but one loopback port.',
  options: {
    runs: value('--runs <N>', 'cases for each target, less for the dear ones', word(1), 10_000),
    seed: value(
      '--seed <S>',
      'where the cases come from; the default is any. The same seed gives the same cases',
      word(0),
    ),
    only: list('--only <NAME>', 'one target; may be given more than once', oneOf(names)),
    path: value(
      '--path <P>',
      'of a failure: runs that one case again, with the --seed and --only that were printed with it',
      path,
    ),
  },
  notes,
});

export function helpFor(targets: readonly Target[]): string {
  const notes = `
Targets:
${targets.map(({ name, about }) => `  ${name.padEnd(12)}  ${about}`).join('\n')}

Exit code: 0 if all held, 1 if something did not (the smallest case is printed, and how to run it again),
2 for a wrong command line.
`;
  return helpOf(fuzz([], notes));
}

/** Throws UsageError. `names` are those of all targets; `only` is empty for all of them, and no `seed` means any. */
export function readFlags(args: readonly string[], names: readonly string[]) {
  const flags = readArguments(fuzz(names), args).options;
  if (flags.path !== undefined && flags.only.length !== 1)
    throw new UsageError('--path belongs to one target; name it with --only');
  return flags;
}

/** What fast-check takes. */
function word(least: number) {
  const read = whole(least);
  return (text: string): number => {
    const number = read(text);
    if (number >= 2 ** 31) throw new Error(`takes a whole number below ${2 ** 31}, not "${text}"`);
    return number;
  };
}

/** Of a counterexample. */
function path(text: string): string {
  if (!/^\d+(:\d+)*$/.test(text)) throw new Error(`takes numbers as 3:0:1, not "${text}"`);
  return text;
}
