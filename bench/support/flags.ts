import { parseArgs } from 'node:util';

export const PHASES = ['evictions', 'cache', 'controller'] as const;
export type Phase = (typeof PHASES)[number];

export interface Flags {
  readonly help: boolean;
  readonly quick: boolean;
  /** Where to write the figures; absent: nowhere. */
  readonly json?: string;
  readonly only: readonly Phase[];
}

export const HELP = `Usage: npm run bench [-- options]

Measures the hook on this machine, on loopback ports: eviction answers over TLS beside a bare HTTPS echo, API calls per
answer, the cache at 1,000 to 100,000 pods, and how soon the controller prunes. Prints a table of figures, each beside its
target. It is no test: a missed target does not change the exit code. Only answers of the hook that are not those of the
case do: then the table says INVALID in place of figures. Nothing it started is left behind.

Options:
  --quick        about two minutes instead of about ten: fewer and shorter rounds, no 100,000 pods
  --only PHASE   one of ${PHASES.join(', ')}; may be given more than once
  --json FILE    also writes the figures to FILE
  --help         show this text

Environment: REFERENCE_HOOK=FILE names the executable of another hook that listens on port 8443, to be measured beside.

Exit code: 0 if it ran, 1 if something failed or is INVALID, 2 for a wrong command line, 130 if it was interrupted.

The first run may build the binaries of the control plane, which takes minutes (see npm run cluster:build).
`;

/** Wrong usage: one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function readFlags(args: readonly string[]): Flags {
  const values = parsed(args);
  if (values.json === '') throw new UsageError('--json takes the name of a file');
  return {
    help: values.help ?? false,
    quick: values.quick ?? false,
    ...(values.json === undefined ? {} : { json: values.json }),
    only: values.only?.map(phase) ?? PHASES,
  };
}

function phase(text: string): Phase {
  const found = PHASES.find((name) => name === text);
  if (found === undefined) throw new UsageError(`--only takes ${PHASES.join(', ')}, not "${text}"`);
  return found;
}

function parsed(args: readonly string[]) {
  try {
    const options = {
      quick: { type: 'boolean' },
      only: { type: 'string', multiple: true },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    // What follows the first sentence is about arguments that begin with a dash.
    const [first] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
    throw new UsageError(`${first}; see --help`, { cause: error });
  }
}
