import { parseDuration } from '../src/policy/duration.ts';
import type { DrainerChoice } from './drainers/choose.ts';
import { commandLine, DEFAULT_IMAGE, type Values } from './usage.ts';
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

type Given = Partial<Values>;

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
