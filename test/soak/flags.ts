import { fileName, helpOf, readArguments, UsageError, value } from '../../src/command-line.ts';

const SOAK = {
  name: 'npm run soak --',
  about: `Drains nodes of a real control plane, again and again, while things break. Three operators (names that come back, new names, a group) and two replicas of the hook; in each round another fault: replicas killed and restarted, connections reset, hung, half open, slow or cut, silent, expired and refused watches, refused lists, failing calls, the API server restarted. Certificates are renewed every three minutes. For an eighth of the time clocks are wrong, and for a sixth bookmarks are lost. One replica is never restarted: its memory, handles, delays and heap are followed. Ends with a verdict, a page of charts, and its data. Nothing it started is left behind.`,
  options: {
    hours: value('--hours <H>', 'how long, fractions allowed', positive),
    minutes: value('--minutes <M>', 'the same in minutes (default: 60)', positive),
    out: value('--out <FILE>', 'where the page of charts is written; its data comes beside it', fileName, 'soak.html'),
  },
  notes: `
Exit code: 0 if all rounds were right and nothing grew, 1 if not, 2 for a wrong command line, 130 if it
was interrupted. Growth is judged in the second half of what comes before the first heap snapshot, and
in runs of 13 minutes or more. Page and data are also written every five minutes.

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
  throw new Error(`takes a number greater than 0, and at most 10000, not "${text}"`);
}
