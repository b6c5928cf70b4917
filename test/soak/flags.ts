import { fileName, helpOf, readArguments, UsageError, value } from '../../src/command-line.ts';

const SOAK = {
  name: 'npm run soak --',
  about: `Drains a node of a real control plane, again and again, while things break: two replicas of the hook, a stand-in for the Couchbase operator, and in each round another fault (replicas killed and restarted, connections reset, hung, half open, slow or cut, silent watches, the API server restarted). One replica is never restarted: its memory, handles and delays are followed. Ends with a verdict and a page of charts. Nothing it started is left behind.`,
  options: {
    hours: value('--hours <H>', 'how long, fractions allowed', positive),
    minutes: value('--minutes <M>', 'the same in minutes (default: 60)', positive),
    out: value('--out <FILE>', 'where the page of charts is written', fileName, 'soak.html'),
  },
  notes: `
Exit code: 0 if all rounds were right and nothing grew, 1 if not, 2 for a wrong command line, 130 if it
was interrupted. Growth is judged after a warm-up of a quarter of the time, and in runs of ten minutes
or more.

The first run may build the binaries of the control plane, which takes minutes (see npm run cluster:build).
`,
};

export const HELP = helpOf(SOAK);

/** Throws UsageError. `out` is where the page goes. */
export function readFlags(args: readonly string[]) {
  const { hours, minutes, ...flags } = readArguments(SOAK, args).options;
  if (hours !== undefined && minutes !== undefined) throw new UsageError('give --hours or --minutes, not both');
  return { ...flags, durationMs: hours === undefined ? (minutes ?? 60) * 60_000 : hours * 3_600_000 };
}

function positive(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= 10_000) return value;
  throw new Error(`takes a number greater than 0, not "${text}"`);
}
