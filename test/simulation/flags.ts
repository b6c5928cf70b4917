import { parseArgs } from 'node:util';

export interface Flags {
  readonly help: boolean;
  /** Look for the planted faults instead, and write what was found into docs/simulation.md. */
  readonly faults: boolean;
  /** With `faults`: write nothing. */
  readonly check: boolean;
  readonly runs: number;
  /** Absent: any. */
  readonly seed?: number;
  readonly steps: number;
}

export const HELP = `Usage: npm run simulate -- [options]

Runs the hook's own policy, execution, cache and controller against a cluster that is all in memory, one random step after
another, and checks after each step what must hold. docs/simulation.md says what is simulated and what must hold.

Options:
  --runs N    how many runs; the default is 1000
  --seed S    the seed of the first run, the others follow; the default is any. The same seed gives the same run
  --steps N   how many steps a run has at most, before everything is mended and every drain has to end; the default is 240
  --faults    looks for every planted fault instead, and writes the table of docs/simulation.md
  --check     with --faults: writes nothing, and says only what was found
  --help      show this text

Exit code: 0 if all held, 1 if something did not (its seed and the shortest trace that was found are printed), 2 for a wrong
command line.
`;

/** Wrong usage: one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function readFlags(args: readonly string[]): Flags {
  const { help = false, faults = false, check = false, runs = '1000', seed, steps = '240' } = parsed(args);
  return {
    help,
    faults,
    check,
    runs: positive('--runs', runs, 1),
    steps: positive('--steps', steps, 50),
    ...(seed === undefined ? {} : { seed: positive('--seed', seed, 0) }),
  };
}

function positive(name: string, text: string, least: number): number {
  const number = Number(text);
  if (!/^\d{1,15}$/.test(text) || number < least)
    throw new UsageError(`${name} takes a whole number from ${least} on, not "${text}"`);
  return number;
}

function parsed(args: readonly string[]) {
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean' } as const;
    return parseArgs({
      args: [...args],
      options: { runs: text, seed: text, steps: text, faults: flag, check: flag, help: flag },
    }).values;
  } catch (error) {
    // What follows the first sentence is about arguments that begin with a dash.
    const [first] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
    throw new UsageError(`${first}; see --help`, { cause: error });
  }
}
