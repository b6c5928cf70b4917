import { parseDuration } from '../src/policy/duration.ts';
import { CommandLine } from './command-line.ts';
import type { DrainerChoice } from './drainers/choose.ts';
import { UsageError } from './venues/usage-error.ts';

/** What the command line asks for. */
export interface Options {
  readonly help: boolean;
  readonly nodes: number;
  readonly members: number;
  readonly process: 'in-place' | 'swap';
  readonly periodMs: number;
  /** A real control plane instead of the embedded API. */
  readonly controlPlane: boolean;
  /** Absent: kubectl if there is one, and else what does the same. */
  readonly drainer?: DrainerChoice;
  /** The file for the report. Absent: none is written. */
  readonly report?: string;
  /** Names of scenarios, separated by commas, or `all`. Absent: one drain as the other options describe it. */
  readonly scenario?: string;
  /** Only lists the scenarios. */
  readonly list?: boolean;
  readonly json: boolean;
  readonly plain: boolean;
  /** A cluster that exists already. */
  readonly cluster?: ClusterOptions;
}

/** What `--context` and the options that belong to it ask for. */
export interface ClusterOptions {
  readonly context: string;
  /** Absent: as kubectl finds it. */
  readonly kubeconfig?: string;
  /** The only nodes that are touched. */
  readonly nodes: readonly string[];
  readonly image: string;
  /** Nobody is asked. */
  readonly yes: boolean;
  /** Only watches; writes nothing. */
  readonly observe: boolean;
}

/** As they were typed. */
interface Values {
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
type Given = Partial<Values>;

const DEFAULT_IMAGE = 'registry.k8s.io/pause:3.10';

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

function commandLine(): CommandLine {
  const line = new CommandLine('npm run rehearse');
  const several = (value: string, before: readonly string[] = []) => [...before, value];
  line
    .usage('[-- options]')
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
export function helpText(): string {
  let text = '';
  const line = commandLine();
  line.configureOutput({ writeOut: (part) => (text += part) });
  line.outputHelp();
  return text;
}

/** Reads the command line. Throws a UsageError that names everything that is wrong with it, in one line. */
export function readOptions(args: readonly string[]): Options {
  const line = commandLine();
  const given: Given = line.read<Values>(args);
  const problems = [...line.problems];
  const read = <T>(parse: () => T, fallback: T): T => {
    try {
      return parse();
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
      return fallback;
    }
  };
  const options = {
    help: given.help ?? false,
    nodes: read(() => count('--nodes', given.nodes, 2, 3), 3),
    members: read(() => count('--members', given.members, 1, 3), 3),
    process: read(() => oneOf('--process', given.process, ['in-place', 'swap']) ?? 'in-place', 'in-place'),
    periodMs: read(() => period(given.period ?? (given.controlPlane ? '10s' : '1s')), 1_000),
    controlPlane: given.controlPlane ?? false,
    ...defined({
      drainer: read(() => oneOf('--drainer', given.drainer, ['kubectl', 'built-in']), undefined),
      report: read(() => fileName(given.report), undefined),
      scenario: given.scenario,
      list: given.list,
      cluster: clusterOptions(given),
    }),
    json: given.json ?? false,
    plain: given.plain ?? false,
  } satisfies Options;
  problems.push(...conflictsIn(given));
  if (line.problems.length > 0) problems.push('see --help');
  if (problems.length > 0) throw new UsageError(problems.join('; '));
  return options;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what is undefined. */
function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function count(flag: string, text: string | undefined, least: number, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d{1,3}$/.test(text) && value >= least && value <= 100) return value;
  throw new UsageError(`${flag} takes a number from ${least} to 100, not "${text}"`);
}

function oneOf<T extends string>(flag: string, text: string | undefined, choices: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new UsageError(`${flag} takes ${choices.join(' or ')}, not "${text}"`);
}

function fileName(text: string | undefined): string | undefined {
  if (text !== '') return text;
  throw new UsageError('--report takes the name of a file');
}

function period(text: string): number {
  try {
    const ms = parseDuration(text);
    if (ms > 0) return ms;
  } catch {
    // The error below says it.
  }
  throw new UsageError(`--period takes a time like 500ms or 10s, not "${text}"`);
}

function clusterOptions(given: Given): ClusterOptions | undefined {
  const { context, kubeconfig, node = [], image = DEFAULT_IMAGE, yes = false, observe = false } = given;
  if (context === undefined) return undefined;
  return { context, ...defined({ kubeconfig }), nodes: [...new Set(node)], image, yes, observe };
}

const OF_A_CLUSTER = ['kubeconfig', 'node', 'image', 'yes', 'observe'] as const;

/** Options that do not go together, or that lack another one. */
function conflictsIn(given: Given): string[] {
  const among = (names: readonly (keyof Given)[]) => names.filter((name) => given[name] !== undefined).map(flagOf);
  const problems: string[] = [];
  if (given.scenario !== undefined) {
    const others = among(['nodes', 'members', 'process']);
    problems.push(...others.map((other) => `--scenario does not go with ${other}: a scenario has its own`));
  }
  if (given.context === undefined) return [...problems, ...among(OF_A_CLUSTER).map((one) => `${one} needs --context`)];
  const others = among(['nodes', 'controlPlane', 'scenario', 'drainer']);
  problems.push(...others.map((other) => `--context does not go together with ${other}`));
  if (given.observe) {
    const writing = among(['node', 'yes', 'image']);
    problems.push(...writing.map((one) => `--observe only watches, and does not go together with ${one}`));
  } else if (new Set(given.node).size < 2) {
    problems.push('--context needs --node at least twice: one node to drain, and one for its pods to move to');
  }
  return problems;
}

const flagOf = (name: string) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
