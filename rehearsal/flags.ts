import { parseArgs } from 'node:util';
import { parseDuration } from '../src/policy/duration.ts';
import { UsageError } from './usage-error.ts';
import { CLUSTER_HELP, CLUSTER_OPTIONS, type ClusterFlags, clusterFlags } from './venues/existing-cluster/flags.ts';

export interface Flags {
  readonly help: boolean;
  readonly nodes: number;
  readonly members: number;
  readonly process: 'in-place' | 'swap';
  readonly periodMs: number;
  /** A real control plane instead of the embedded API. */
  readonly controlPlane: boolean;
  /** What drains; absent: kubectl where there is one, and else what does the same. */
  readonly drainer?: 'kubectl' | 'built-in';
  /** Where the report goes; absent: nowhere. */
  readonly report?: string;
  /** Names of scenarios, parted by commas, or `all`; absent: one drain as the other flags describe it. */
  readonly scenario?: string;
  /** Only tells which scenarios there are. */
  readonly list?: boolean;
  readonly json: boolean;
  readonly plain: boolean;
  /** A cluster that exists already. */
  readonly cluster?: ClusterFlags;
}

export const HELP = `Usage: npm run rehearse [-- options]

Rehearses a drain from beginning to end: starts a Kubernetes API with simulated nodes on loopback ports, the hook as a
process of its own, and a stand-in for the Couchbase operator; drains a node with kubectl, or as kubectl does where there
is none; shows what happens while it happens; and ends with a verdict. Nothing it started is left behind.

The API is embedded and needs nothing but Node; docs/rehearsal.md says where it differs from a real one.

Options:
  --nodes N         worker nodes, 2 to 100 (default 3)
  --members N       members of the Couchbase cluster, 1 to 100 (default 3)
  --process P       in-place (names come back) or swap (new names) (default in-place)
  --period TIME     how often the operator looks at its cluster, like 500ms or 10s (default 1s; with --control-plane
                    10s, as in life)
  --control-plane   a real API server, scheduler and controller-manager instead of the embedded API; the first run
                    builds them, which needs Go and takes minutes (see npm run cluster:build)
  --scenario NAMES  play a scenario, some (a,b) or all of them, which have nodes and members of their own
  --list            tell which scenarios there are
  --drainer WHICH   kubectl (nothing else will do) or built-in, which does what kubectl does (default: kubectl where it
                    is installed); a scenario about another drainer has its own
  --report FILE     write what happened as one HTML page, with a part for each scenario
  --json            write it as JSON to standard output, an array with a record for each scenario, and all else to
                    standard error
  --plain           one line after the other, also on a terminal
  --help            show this text
${CLUSTER_HELP}
Exit code: 0 if every check holds; 1 if one does not, or the rehearsal broke off; 2 if it could not begin, by a wrong
command line, without the kubectl that it needs, or on a cluster that does not answer or where it must not be rehearsed;
130 if it was interrupted.
`;

export function readFlags(args: readonly string[]): Flags {
  const values = parsed(args);
  const controlPlane = values['control-plane'] ?? false;
  const cluster = clusterOf(values);
  return {
    help: values.help ?? false,
    nodes: count('--nodes', values.nodes, 2, 3),
    members: count('--members', values.members, 1, 3),
    process: processOf(values.process),
    periodMs: period(values.period ?? (controlPlane ? '10s' : '1s')),
    controlPlane,
    ...withoutDefault(values),
    json: values.json ?? false,
    plain: values.plain ?? false,
    ...(cluster === undefined ? {} : { cluster }),
  };
}

function withoutDefault(values: ReturnType<typeof parsed>): Partial<Flags> {
  const { drainer, report, scenario, list } = values;
  return {
    ...(drainer === undefined ? {} : { drainer: drainerOf(drainer) }),
    ...(report === undefined ? {} : { report: fileName(report) }),
    ...(scenario === undefined ? {} : { scenario: scenarioOf(values) }),
    ...(list ? { list } : {}),
  };
}

function parsed(args: readonly string[]) {
  try {
    const options = {
      nodes: { type: 'string' },
      members: { type: 'string' },
      process: { type: 'string' },
      period: { type: 'string' },
      'control-plane': { type: 'boolean' },
      scenario: { type: 'string' },
      list: { type: 'boolean' },
      drainer: { type: 'string' },
      report: { type: 'string' },
      json: { type: 'boolean' },
      plain: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      ...CLUSTER_OPTIONS,
    } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    // What follows the first sentence is about arguments that begin with a dash.
    const [first] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
    throw new UsageError(`${first}; see --help`, { cause: error });
  }
}

/** What does not go together with a cluster that exists already. */
const OTHERS = ['nodes', 'control-plane', 'scenario', 'drainer'] as const;

function clusterOf(values: ReturnType<typeof parsed>): ClusterFlags | undefined {
  const read = clusterFlags(
    values,
    OTHERS.filter((name) => values[name] !== undefined),
  );
  if (typeof read === 'string') throw new UsageError(read);
  return read;
}

function count(flag: string, text: string | undefined, least: number, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d{1,3}$/.test(text) && value >= least && value <= 100) return value;
  throw new UsageError(`${flag} takes a number from ${least} to 100, not "${text}"`);
}

function scenarioOf(values: ReturnType<typeof parsed>): string {
  const other = (['nodes', 'members', 'process'] as const).find((name) => values[name] !== undefined);
  if (other !== undefined) throw new UsageError(`--scenario does not go with --${other}: a scenario has its own`);
  return values.scenario ?? '';
}

function processOf(text = 'in-place'): 'in-place' | 'swap' {
  if (text === 'in-place' || text === 'swap') return text;
  throw new UsageError(`--process takes in-place or swap, not "${text}"`);
}

function drainerOf(text: string): 'kubectl' | 'built-in' {
  if (text === 'kubectl' || text === 'built-in') return text;
  throw new UsageError(`--drainer takes kubectl or built-in, not "${text}"`);
}

function fileName(text: string): string {
  if (text !== '') return text;
  throw new UsageError('--report takes the name of a file');
}

function period(text: string): number {
  try {
    const ms = parseDuration(text);
    if (ms > 0) return ms;
  } catch {
    // told below
  }
  throw new UsageError(`--period takes a time like 500ms or 10s, not "${text}"`);
}
