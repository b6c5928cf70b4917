import { Command, CommanderError, InvalidArgumentError } from 'commander';

export interface Options {
  readonly runs: number;
  readonly busy: number;
  readonly limit: number;
  readonly dir: string;
  readonly afresh: boolean;
  /** Empty: the fast ones. */
  readonly files: readonly string[];
}

const MORE = `
Without FILE, the files of test:fast. A pattern in quotes is a FILE, too: 'test/cluster/**/*.test.ts'.

DIR gets table.md (a row for each file: runs, failures, slowest, median, failing tests), runs.jsonl (a line for each run)
and failed/ (the output of each failing run). Ctrl-C interrupts it. The same command goes on where it was: a run counts for
as long as the content of its test file is the same, whatever has changed elsewhere; --afresh forgets all runs.

Exit code: 0 if every run passed, those before an interruption, too; 1 if one failed; 2 for a wrong option; 130 if it was
interrupted.
`;

/** Throws commander's CommanderError for a wrong option, and for --help, once it has printed what there is to say. */
export function readOptions(args: readonly string[]): Options {
  const command = commandLine().parse(args, { from: 'user' });
  return { ...command.opts<Omit<Options, 'files'>>(), files: command.args };
}

/** Prints what is wrong, and is the error to throw. */
export function wrongUsage(message: string): CommanderError {
  process.stderr.write(`error: ${message}\n`);
  return new CommanderError(2, 'steady.usage', message);
}

function commandLine(): Command {
  return new Command('npm run test:steady --')
    .description('Runs each test file again and again, beside processes that keep the machine busy.')
    .argument('[FILE...]', 'test files')
    .option('--runs <n>', 'how often each file is to be run', number(1, 1000), 10)
    .option('--busy <n>', 'how many busy loops run beside it', number(0, 64), 2)
    .option('--limit <minutes>', 'how long one run may take', number(1, 240), 15)
    .option('--dir <dir>', 'where the table is written', 'dist/steady')
    .option('--afresh', 'forget what earlier runs have shown', false)
    .addHelpText('after', MORE)
    .exitOverride();
}

const number = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (/^\d{1,4}$/.test(text) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`It takes a number from ${least} to ${most}.`);
};
