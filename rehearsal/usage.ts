import { fileName, flag, helpOf, list, oneOf, under, value, whole } from '../src/command-line.ts';
import { parseDuration } from '../src/policy/duration.ts';
import { MODELS } from './operator/models/index.ts';

/** How the command is called. */
export interface Invocation {
  /** For its help: `reschedule-hook rehearse`. */
  readonly name: string;
  /** What its errors begin with. */
  readonly program: string;
  /** The script that runs as the hook, in a process of its own, with its arguments. */
  readonly hookProgram: HookProgram;
  /** Nothing may be started here: a cluster has to be named. */
  readonly needsContext: boolean;
}

export interface HookProgram {
  readonly entry: string;
  readonly args: readonly string[];
}

export const DEFAULT_IMAGE = 'registry.k8s.io/pause:3.10';

const DESCRIPTION =
  'Rehearses a drain from beginning to end: starts a Kubernetes API with simulated nodes on loopback ports, the hook as a ' +
  'process of its own, and a stand-in for an operator; drains a node with kubectl, or as kubectl does where ' +
  'there is none; shows what happens while it happens; and ends with a verdict. Nothing it started is left behind.\n\n' +
  'The API is embedded and needs nothing but Node; docs/rehearsal.md says where it differs from a real one.';

const EXIT_CODES = `
Exit code: 0 if every check holds; 1 if one does not, or the rehearsal broke off and nothing is
proven; 2 if it could not begin, by a wrong command line, without the kubectl that it needs, or on a
cluster that does not answer or where it must not be rehearsed; 130 if it was interrupted.`;

const PROFILE_NAMES = MODELS.map(({ profile }) => profile).join(', ');

const ON_A_CLUSTER =
  'On a cluster that you have, with the hook that is installed in it (docs/rehearsal.md says what is touched):';

/** The command line of the rehearsal. `options.ts` reads it, and fills in the defaults. */
export const REHEARSE = {
  name: 'reschedule-hook rehearse',
  about: DESCRIPTION,
  options: {
    nodes: value('--nodes <N>', 'worker nodes, 2 to 100 (default: 3)', whole(2, 100)),
    members: value('--members <N>', 'members of the stand-in cluster, 1 to 100 (default: 3)', whole(1, 100)),
    process: value(
      '--process <P>',
      'in-place (names come back) or swap (new names), of a Couchbase cluster (default: in-place)',
      oneOf(['in-place', 'swap']),
    ),
    period: value(
      '--period <TIME>',
      'how often the operator looks at its cluster, like 500ms or 10s (default: 1s; with --control-plane as in life, ' +
        '2m for Strimzi and 10s for others)',
      period,
    ),
    controlPlane: flag(
      '--control-plane',
      'a real API server, scheduler and controller-manager instead of the embedded API; the first run builds them, ' +
        'which needs Go and takes minutes (see npm run cluster:build)',
    ),
    profile: value(
      '--profile <NAMES>',
      `the operator and its pods, with a hook that has its profile: one, some (a,b) or all of ${PROFILE_NAMES} ` +
        "(default: Couchbase's, with a hook that has no PROFILES)",
      String,
    ),
    scenario: value(
      '--scenario <NAMES>',
      'play a scenario, some (a,b) or all of them, which have nodes and members of their own; with --profile only those that go with it',
      String,
    ),
    list: flag('--list', 'list the scenarios'),
    table: value(
      '--table <FILE>',
      'write how each scenario ended for each profile as a Markdown table; needs --profile and --scenario',
      fileName,
    ),
    drainer: value(
      '--drainer <WHICH>',
      'kubectl (nothing else will do) or built-in, which does what kubectl does (default: kubectl where it is ' +
        'installed); a scenario about another drainer has its own',
      oneOf(['kubectl', 'built-in']),
    ),
    report: value('--report <FILE>', 'write what happened as one HTML page, with a part for each scenario', fileName),
    json: flag(
      '--json',
      'write it as JSON to standard output, an array with a record for each scenario, and all else to standard error',
    ),
    plain: flag('--plain', 'one line after the other, also on a terminal'),
    verbose: flag('--verbose', 'show the log while it is written; else it is shown where something failed'),
    ...under(ON_A_CLUSTER, {
      context: value('--context <NAME>', 'the context of the kubeconfig; says what it will do and asks first', String),
      kubeconfig: value('--kubeconfig <FILE>', 'instead of the one that kubectl would use', String),
      installation: value(
        '--installation <NAME>',
        'the name of the registration of the hook, where there are several',
        String,
      ),
      node: list(
        '--node <NAME>',
        'a node for the stand-in pods, given at least twice; one of them is cordoned and drained',
        String,
      ),
      image: value('--image <IMAGE>', `what the stand-in pods run (default: ${DEFAULT_IMAGE})`, String),
      yes: flag('--yes', 'does not ask'),
      observe: flag(
        '--observe',
        'writes nothing: watches a drain that you run, until the nodes are drained or you interrupt it',
      ),
    }),
  },
  notes: EXIT_CODES,
};

/** What `--help` prints. */
export function helpText(name: string): string {
  return helpOf({ ...REHEARSE, name });
}

/** In milliseconds. */
function period(text: string): number {
  try {
    const ms = parseDuration(text);
    if (ms > 0) return ms;
  } catch {
    // The error below says it.
  }
  throw new Error(`takes a time like 500ms or 10s, not "${text}"`);
}
