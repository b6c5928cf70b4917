import { type Arguments, type Conflicts, readArguments } from '../src/command-line.ts';
import type { DrainerChoice } from './drainers/choose.ts';
import { DEFAULT_IMAGE, REHEARSE } from './usage.ts';

/** What the command line asks for. */
export interface Options {
  readonly help: boolean;
  readonly nodes: number;
  readonly members: number;
  readonly process: 'in-place' | 'swap';
  /** Of the operator. Absent: as the venue has it. */
  readonly periodMs?: number;
  /** A real control plane instead of the embedded API. */
  readonly controlPlane: boolean;
  /** Absent: kubectl if there is one, and else what does the same. */
  readonly drainer?: DrainerChoice;
  /** The file for the report. Absent: none is written. */
  readonly report?: string;
  /** Names of profiles, separated by commas, or `all`. Absent: Couchbase's, and a hook without PROFILES. */
  readonly profile?: string;
  /** The file for the table of scenarios and profiles. Absent: none is written. */
  readonly table?: string;
  /** Names of scenarios, separated by commas, or `all`. Absent: one drain as the other options describe it. */
  readonly scenario?: string;
  /** Only lists the scenarios. */
  readonly list?: boolean;
  readonly json: boolean;
  readonly plain: boolean;
  /** The log is shown while it is written. */
  readonly verbose: boolean;
  /** A cluster that exists already. */
  readonly cluster?: ClusterOptions;
}

/** What `--context` and the options that belong to it ask for. */
export interface ClusterOptions {
  readonly context: string;
  /** Absent: as kubectl finds it. */
  readonly kubeconfig?: string;
  /** The name of a registration. Absent: of the only hook. */
  readonly installation?: string;
  /** The only nodes that are touched. */
  readonly nodes: readonly string[];
  readonly image: string;
  /** Nobody is asked. */
  readonly yes: boolean;
  /** Only watches; writes nothing. */
  readonly observe: boolean;
}

type Known = typeof REHEARSE.options;
type Given = Arguments<Known>['options'];

/** Reads the command line. Throws a UsageError that names everything that is wrong with it, in one line. */
export function readOptions(args: readonly string[]): Options {
  const given = readArguments(REHEARSE, args, '--help', conflictsIn).options;
  const {
    help,
    controlPlane,
    json,
    plain,
    verbose,
    drainer,
    report,
    scenario,
    profile,
    table,
    period: periodMs,
  } = given;
  return {
    help,
    nodes: given.nodes ?? 3,
    members: given.members ?? 3,
    process: given.process ?? 'in-place',
    controlPlane,
    ...defined({
      periodMs,
      drainer,
      report,
      scenario,
      profile,
      table,
      list: given.list || undefined,
      cluster: clusterOptions(given),
    }),
    json,
    plain,
    verbose,
  };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what is undefined. */
function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function clusterOptions(given: Given): ClusterOptions | undefined {
  const { context, kubeconfig, installation, node, image = DEFAULT_IMAGE, yes, observe } = given;
  if (context === undefined) return undefined;
  return { context, ...defined({ kubeconfig, installation }), nodes: [...new Set(node)], image, yes, observe };
}

const OF_A_CLUSTER = ['kubeconfig', 'installation', 'node', 'image', 'yes', 'observe'] as const;

/** Options that do not go together, or that lack another one. */
const conflictsIn: Conflicts<Known> = ({ node, profile }, isGiven) => {
  const among = (names: readonly (keyof Known)[]) => names.filter(isGiven).map(flagOf);
  const problems: string[] = [];
  if (isGiven('scenario')) {
    const others = among(['nodes', 'members', 'process']);
    problems.push(...others.map((other) => `--scenario does not go with ${other}: a scenario has its own`));
  }
  if (isGiven('process') && isGiven('profile') && profile !== 'couchbase') {
    problems.push(`--process does not go with --profile ${profile}: only Couchbase's operator has a choice`);
  }
  if (isGiven('table') && !(isGiven('profile') && isGiven('scenario'))) {
    problems.push('--table needs --profile and --scenario');
  }
  if (!isGiven('context')) return [...problems, ...among(OF_A_CLUSTER).map((one) => `${one} needs --context`)];
  const others = among(['nodes', 'controlPlane', 'scenario', 'profile', 'drainer']);
  problems.push(...others.map((other) => `--context does not go together with ${other}`));
  if (isGiven('observe')) {
    const writing = among(['node', 'yes', 'image']);
    problems.push(...writing.map((one) => `--observe only watches, and does not go together with ${one}`));
  } else if (new Set(node).size < 2) {
    problems.push('--context needs --node at least twice: one node to drain, and one for its pods to move to');
  }
  return problems;
};

const flagOf = (name: string) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
