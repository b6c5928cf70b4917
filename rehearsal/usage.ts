import { CommandLine } from './command-line.ts';

/** The options as they were typed. */
export interface Values {
  readonly help: true;
  readonly nodes: string;
  readonly members: string;
  readonly process: string;
  readonly period: string;
  readonly controlPlane: true;
  readonly scenario: string;
  readonly list: true;
  readonly drainer: string;
  readonly report: string;
  readonly json: true;
  readonly plain: true;
  readonly context: string;
  readonly kubeconfig: string;
  readonly node: readonly string[];
  readonly image: string;
  readonly yes: true;
  readonly observe: true;
}
/** How the command is called, for its help. */
export interface Invocation {
  readonly name: string;
  readonly usage: string;
}

const BY_NPM: Invocation = { name: 'npm run rehearse', usage: '[-- options]' };
export const DEFAULT_IMAGE = 'registry.k8s.io/pause:3.10';

const DESCRIPTION =
  'Rehearses a drain from beginning to end: starts a Kubernetes API with simulated nodes on loopback ports, the hook as a ' +
  'process of its own, and a stand-in for the Couchbase operator; drains a node with kubectl, or as kubectl does where ' +
  'there is none; shows what happens while it happens; and ends with a verdict. Nothing it started is left behind.\n\n' +
  'The API is embedded and needs nothing but Node; docs/rehearsal.md says where it differs from a real one.';

const EXIT_CODES = `
Exit code: 0 if every check holds; 1 if one does not, or the rehearsal broke off; 2 if it could not
begin, by a wrong command line, without the kubectl that it needs, or on a cluster that does not
answer or where it must not be rehearsed; 130 if it was interrupted.`;

const ON_A_CLUSTER =
  'On a cluster that you have, with the hook that is installed in it (docs/rehearsal.md says what is touched):';

/** The options that there are. */
export function commandLine({ name, usage }: Invocation = BY_NPM): CommandLine {
  const line = new CommandLine(name);
  const several = (value: string, before: readonly string[] = []) => [...before, value];
  line
    .usage(usage)
    .description(DESCRIPTION)
    .optionsGroup('Options:')
    .option('--nodes <N>', 'worker nodes, 2 to 100 (default 3)')
    .option('--members <N>', 'members of the Couchbase cluster, 1 to 100 (default 3)')
    .option('--process <P>', 'in-place (names come back) or swap (new names) (default in-place)')
    .option(
      '--period <TIME>',
      'how often the operator looks at its cluster, like 500ms or 10s (default 1s; with --control-plane 10s, as in life)',
    )
    .option(
      '--control-plane',
      'a real API server, scheduler and controller-manager instead of the embedded API; the first run builds them, ' +
        'which needs Go and takes minutes (see npm run cluster:build)',
    )
    .option(
      '--scenario <NAMES>',
      'play a scenario, some (a,b) or all of them, which have nodes and members of their own',
    )
    .option('--list', 'list the scenarios')
    .option(
      '--drainer <WHICH>',
      'kubectl (nothing else will do) or built-in, which does what kubectl does (default: kubectl where it is ' +
        'installed); a scenario about another drainer has its own',
    )
    .option('--report <FILE>', 'write what happened as one HTML page, with a part for each scenario')
    .option(
      '--json',
      'write it as JSON to standard output, an array with a record for each scenario, and all else to standard error',
    )
    .option('--plain', 'one line after the other, also on a terminal')
    .option('-h, --help', 'show this text')
    .optionsGroup(ON_A_CLUSTER)
    .option('--context <NAME>', 'the context of the kubeconfig; says what it will do and asks first')
    .option('--kubeconfig <FILE>', 'instead of the one that kubectl would use')
    .option(
      '--node <NAME>',
      'a node for the stand-in pods, given at least twice; one of them is cordoned and drained',
      several,
    )
    .option('--image <IMAGE>', `what the stand-in pods run (default ${DEFAULT_IMAGE})`)
    .option('--yes', 'does not ask')
    .option(
      '--observe',
      'writes nothing: watches a drain that you run, until the nodes are drained or you interrupt it',
    )
    .addHelpText('after', EXIT_CODES);
  return line;
}

/** What `--help` prints. */
export function helpText(invocation?: Invocation): string {
  let text = '';
  const line = commandLine(invocation);
  line.configureOutput({ writeOut: (part) => (text += part) });
  line.outputHelp();
  return text;
}
