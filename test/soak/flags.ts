import { parseArgs } from 'node:util';

export interface Flags {
  readonly help: boolean;
  readonly durationMs: number;
  /** Where the page goes. */
  readonly out: string;
}

export const HELP = `Usage: npm run soak [-- options]

Drains a node of a real control plane, again and again, while things break: two replicas of the hook, a stand-in for the
Couchbase operator, and in each round another fault (replicas killed and restarted, connections reset, hung, half open,
slow or cut, silent watches, the API server restarted). One replica is never restarted: its memory, handles and delays are
followed. Ends with a verdict and a page of charts. Nothing it started is left behind.

Options:
  --hours H      how long, fractions allowed
  --minutes M    the same in minutes (default 60)
  --out FILE     where the page of charts is written (default soak.html)
  --help         show this text

Exit code: 0 if all rounds were right and nothing grew, 1 if not, 2 for a wrong command line, 130 if it was interrupted.
Growth is judged after a warm-up of a quarter of the time, and in runs of ten minutes or more.

The first run may build the binaries of the control plane, which takes minutes (see npm run cluster:build).
`;

/** Wrong usage: one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function readFlags(args: readonly string[]): Flags {
  const { help = false, hours, minutes, out = 'soak.html' } = parsed(args);
  if (hours !== undefined && minutes !== undefined) throw new UsageError('give --hours or --minutes, not both');
  if (out === '') throw new UsageError('--out takes the name of a file');
  const durationMs =
    hours === undefined ? number('--minutes', minutes ?? '60') * 60_000 : number('--hours', hours) * 3_600_000;
  return { help, durationMs, out };
}

function number(flag: string, text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= 10_000) return value;
  throw new UsageError(`${flag} takes a number greater than 0, not "${text}"`);
}

function parsed(args: readonly string[]) {
  try {
    const options = {
      hours: { type: 'string' },
      minutes: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    // What follows the first sentence is about arguments that begin with a dash.
    const [first] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
    throw new UsageError(`${first}; see --help`, { cause: error });
  }
}
