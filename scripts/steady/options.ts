import { flag, readArguments, value, whole } from '../../src/command-line.ts';

/** `npm run test:steady`: what it can be told. */
export const STEADY = {
  name: 'npm run test:steady --',
  about: 'Runs each test file again and again, beside processes that keep the machine busy.',
  options: {
    runs: value('--runs <N>', 'how often each file is to be run', whole(1, 1000), 10),
    busy: value('--busy <N>', 'how many busy loops run beside it', whole(0, 64), 2),
    limit: value('--limit <MINUTES>', 'how long one run may take', whole(1, 240), 15),
    dir: value('--dir <DIR>', 'where the table is written', String, 'dist/steady'),
    afresh: flag('--afresh', 'forgets what earlier runs have shown'),
  },
  operands: { name: 'FILE', about: 'test files; without any, those of test:fast', isList: true },
  notes: `
A pattern in quotes is a FILE, too: 'test/cluster/**/*.test.ts'.

DIR gets table.md (a row for each file: runs, failures, slowest, median, failing tests), runs.jsonl (a line for each run)
and failed/ (the output of each failing run). Ctrl-C interrupts it. The same command goes on where it was: a run counts for
as long as the content of its test file is the same, whatever has changed elsewhere.

Exit code: 0 if every run passed, those before an interruption, too; 1 if one failed; 2 for a wrong option; 130 if it was
interrupted.
`,
} as const;

/** Throws UsageError. `files` is empty when the fast ones are meant. */
export function readOptions(args: readonly string[]) {
  const { options, operands } = readArguments(STEADY, args);
  return { ...options, files: operands };
}

export type Options = ReturnType<typeof readOptions>;
