import { flag, helpOf, readArguments, value, whole } from '../../src/command-line.ts';

const SIMULATE = {
  name: 'npm run simulate --',
  about: `Runs the hook's own policy, execution, cache and controller against a cluster that is all in memory, one random step after another, and checks after each step what must hold. docs/simulation.md says what is simulated and what must hold.`,
  options: {
    runs: value('--runs <N>', 'how many runs', whole(1), 1000),
    seed: value(
      '--seed <S>',
      'the seed of the first run, the others follow; the default is any. The same seed gives the same run',
      whole(0),
    ),
    steps: value(
      '--steps <N>',
      'how many steps a run has at most, before everything is mended and every drain has to end',
      whole(50),
      240,
    ),
    faults: flag('--faults', 'looks for every planted fault instead, and writes the table of docs/simulation.md'),
    check: flag('--check', 'with --faults: writes nothing, and says only what was found'),
  },
  notes: `
Exit code: 0 if all held, 1 if something did not (its seed and the shortest trace that was found are
printed), 2 for a wrong command line.
`,
};

export const HELP = helpOf(SIMULATE);

/** Throws UsageError. No `seed` means a random one. */
export function readFlags(args: readonly string[]) {
  return readArguments(SIMULATE, args).options;
}
