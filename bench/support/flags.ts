import { fileName, flag, helpOf, list, oneOf, readArguments, value } from '../../src/command-line.ts';

export { UsageError } from '../../src/command-line.ts';

export const PHASES = ['evictions', 'unprotected', 'cache', 'controller', 'tenants', 'profiles', 'upgrade'] as const;
export type Phase = (typeof PHASES)[number];

/** Where a pod has the files of its ServiceAccount: token, ca.crt, namespace. */
export const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

const BENCH = {
  name: 'npm run bench --',
  about: `Measures the hook on this machine, on loopback ports: eviction answers over TLS beside a bare HTTPS echo, API calls per answer, what the hook adds to a read, the cache at 1,000 to 100,000 pods, how soon the controller prunes, what a tenant's objects cost, what eight profiles cost beside one, and an upgrade of a large cluster, 50 nodes at once. Prints a table of figures, each beside its target. A missed target ends it with exit code 1, and so do answers that are not those of their case: for these the table says INVALID in place of figures. Nothing it started is left behind.`,
  options: {
    quick: flag(
      '--quick',
      'about a quarter of an hour instead of half an hour: fewer and shorter rounds, no 100,000 pods',
    ),
    only: list('--only <PHASE>', `one of ${PHASES.join(', ')}; may be given more than once`, oneOf(PHASES)),
    json: value('--json <FILE>', 'also writes the figures to FILE', fileName),
  },
  notes: `
Environment: REFERENCE_HOOK=FILE names the executable of another hook that listens on port 8443, to be
measured beside. It finds the API server as in a pod: by KUBERNETES_SERVICE_HOST and
KUBERNETES_SERVICE_PORT, and by the files of a ServiceAccount, which the benchmark writes and removes:
  ${SERVICE_ACCOUNT}/{token,ca.crt,namespace}
So it has to be allowed to write there, as root is in a container.

Exit code: 0 if every target is met, 1 if one is MISSED, if something is INVALID or failed, 2 for a wrong
command line, 130 if it was interrupted.

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
