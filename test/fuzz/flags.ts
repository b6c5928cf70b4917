import { parseArgs } from 'node:util';

export interface Flags {
  readonly help: boolean;
  readonly runs: number;
  /** Absent: any. */
  readonly seed?: number;
  /** Of a counterexample. */
  readonly path?: string;
  /** Names of targets; empty: all. */
  readonly only: readonly string[];
}

/** Wrong usage: one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** `names` are those of the targets that there are. */
export function readFlags(args: readonly string[], names: readonly string[]): Flags {
  const { help = false, runs = '10000', seed, path, only = [] } = parsed(args);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`--only takes ${names.join(', ')}, not "${unknown}"`);
  if (path !== undefined && !/^\d+(:\d+)*$/.test(path))
    throw new UsageError(`--path takes numbers as 3:0:1, not "${path}"`);
  if (path !== undefined && only.length !== 1)
    throw new UsageError('--path belongs to one target; name it with --only');
  return {
    help,
    only,
    runs: whole('--runs', runs, 1),
    ...(seed === undefined ? {} : { seed: whole('--seed', seed, 0) }),
    ...(path === undefined ? {} : { path }),
  };
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value >= 2 ** 31) {
    throw new UsageError(`${name} takes a whole number from ${least} on, not "${text}"`);
  }
  return value;
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    runs: text,
    seed: text,
    path: text,
    only: { ...text, multiple: true },
    help: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    // What follows the first sentence is about arguments that begin with a dash.
    const [first] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
    throw new UsageError(`${first}; see --help`, { cause: error });
  }
}
