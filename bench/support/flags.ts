import { fileName, flag, helpOf, list, oneOf, readArguments, value } from '../../src/command-line.ts';

export { UsageError } from '../../src/command-line.ts';

export const PHASES = ['evictions', 'cache', 'controller'] as const;
export type Phase = (typeof PHASES)[number];

const BENCH = {
  name: 'npm run bench --',
  about: `Measures the hook on this machine, on loopback ports: eviction answers over TLS beside a bare HTTPS echo, API calls per answer, the cache at 1,000 to 100,000 pods, and how soon the controller prunes. Prints a table of figures, each beside its target. It is no test: a missed target does not change the exit code. Only answers of the hook that are not those of the case do: then the table says INVALID in place of figures. Nothing it started is left behind.`,
  options: {
    quick: flag('--quick', 'about two minutes instead of about ten: fewer and shorter rounds, no 100,000 pods'),
    only: list('--only <PHASE>', `one of ${PHASES.join(', ')}; may be given more than once`, oneOf(PHASES)),
    json: value('--json <FILE>', 'also writes the figures to FILE', fileName),
  },
  notes: `
Environment: REFERENCE_HOOK=FILE names the executable of another hook that listens on port 8443, to be
measured beside.

Exit code: 0 if it ran, 1 if something failed or is INVALID, 2 for a wrong command line, 130 if it was
interrupted.

The first run may build the binaries of the control plane, which takes minutes (see npm run cluster:build).
`,
};

export const HELP = helpOf(BENCH);

/** `json`: where to write the figures; absent: nowhere. */
export type Flags = ReturnType<typeof readFlags>;

/** Throws UsageError. */
export function readFlags(args: readonly string[]) {
  const { only, ...flags } = readArguments(BENCH, args).options;
  return { ...flags, only: only.length === 0 ? PHASES : only };
}
