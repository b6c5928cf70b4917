import { Command, CommanderError, Option, type ParseOptionsResult } from 'commander';

/*
 * The habit of every command here: everything that is wrong is named in one line, with what may have been meant, and ends
 * in exit code 2. `--help` goes to standard output and ends in 0. This file reads and describes; whoever calls it prints.
 */

/** The command line is wrong, or asks for something that cannot begin. One line names all that is wrong; the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** One option. `T` is what it says; `undefined` is part of it when the option may be absent. */
export interface OptionSpec<T> {
  /** `-n, --namespace <NAME>`; without a name in brackets it takes no value. */
  readonly flags: string;
  readonly about: string;
  /** Throws an Error whose message goes on where the name of the option ends: `takes ..., not "x"`. */
  readonly parse: (text: string) => unknown;
  /** Each time that it is given adds one value. */
  readonly isList: boolean;
  readonly fallback: T;
  /** The part of the help that lists it; absent: `Options:`. */
  readonly heading?: string;
}

type Options = Readonly<Record<string, OptionSpec<unknown>>>;

export interface CommandSpec<O extends Options = Options> {
  /** How it is called: `npm run bench --`. */
  readonly name: string;
  /** What follows the name in the first line of the help; absent: made from the spec, as `[options] [FILE]`. */
  readonly usage?: string;
  /** Each line is a paragraph, and is wrapped for the help. */
  readonly about: string;
  readonly options: O;
  /** What may stand beside the options; absent: nothing. */
  readonly operands?: { readonly name: string; readonly about: string; readonly isList: boolean };
  /** Commands within this one, and what each does. Their arguments are read by a spec of their own. */
  readonly commands?: Readonly<Record<string, string>>;
  /** What the help says below the options, as it stands. */
  readonly notes?: string;
}

type ValueOf<S> = S extends OptionSpec<infer T> ? T : never;
/** An option that was not given, and has no default, is absent. */
type Values<O> = {
  readonly [K in keyof O as undefined extends ValueOf<O[K]> ? never : K]: ValueOf<O[K]>;
} & {
  readonly [K in keyof O as undefined extends ValueOf<O[K]> ? K : never]?: Exclude<ValueOf<O[K]>, undefined>;
} & { readonly help: boolean };

/** `Values` as one plain type, for whoever reads it in an editor. */
type Flat<T> = { readonly [K in keyof T]: T[K] };

export interface Arguments<O> {
  readonly options: Flat<Values<O>>;
  readonly operands: readonly string[];
}

/**
 * Returns what is wrong between options. An option with a wrong value counts as given, but `values` does not have that
 * value: it has the default, or nothing.
 */
export type Conflicts<O> = (values: Arguments<O>['options'], isGiven: (name: keyof O) => boolean) => readonly string[];

const HELP = flag('-h, --help', 'show this text');
/** The same on every terminal, so that a help text can be compared with a page. */
const HELP_WIDTH = 100;
/** `a, b or c`. */
const EITHER = new Intl.ListFormat('en-GB', { type: 'disjunction' });
/** What commander keeps for an option with a wrong value. */
const WRONG = Symbol('wrong value');

/** An option without a value. */
export function flag(flags: string, about: string): OptionSpec<boolean> {
  return { flags, about, parse: String, isList: false, fallback: false };
}

/** An option with a value. Without a default it is absent when it is not given; a default is shown in the help. */
export function value<T>(flags: string, about: string, parse: (text: string) => T): OptionSpec<T | undefined>;
export function value<T>(flags: string, about: string, parse: (text: string) => T, fallback: T): OptionSpec<T>;
export function value<T>(flags: string, about: string, parse: (text: string) => T, fallback?: T): OptionSpec<unknown> {
  return { flags, about, parse, isList: false, fallback };
}

/** An option that may be given more than once. */
export function list<T>(flags: string, about: string, parse: (text: string) => T): OptionSpec<readonly T[]> {
  return { flags, about, parse, isList: true, fallback: [] };
}

/** The same options, which the help lists apart from the others. */
export function under<O extends Options>(heading: string, options: O): O {
  const all = Object.entries(options).map(([name, option]) => [name, { ...option, heading }] as const);
  return Object.fromEntries(all) as O;
}

/** For `value`: a whole number. */
export function whole(least: number, most?: number): (text: string) => number {
  const range = most === undefined ? `a whole number from ${least} on` : `a number from ${least} to ${most}`;
  return (text) => {
    const number = Number(text);
    const isRight = /^\d{1,15}$/.test(text) && number >= least && number <= (most ?? number);
    if (!isRight) throw new Error(`takes ${range}, not "${text}"`);
    return number;
  };
}

/** For `value`: one of some words. */
export function oneOf<const T extends string>(allowed: readonly T[]): (text: string) => T {
  return (text) => {
    const found = allowed.find((word) => word === text);
    if (found === undefined) throw new Error(`takes ${EITHER.format(allowed)}, not "${text}"`);
    return found;
  };
}

/** For `value`: the name of a file. */
export function fileName(text: string): string {
  if (text === '') throw new Error('takes the name of a file');
  return text;
}

/** The text for `--help`. */
export function helpOf(spec: CommandSpec): string {
  const notes = spec.notes === undefined ? '' : `\n${spec.notes.trim()}\n`;
  return commandOf(spec).helpInformation() + notes;
}

/**
 * Reads the arguments of a command. Throws UsageError. `hint` says where the help is; it is added when something was not
 * understood, because a wrong value says itself what it should be. `conflictsIn` is asked whatever else is wrong.
 */
export function readArguments<O extends Options>(
  spec: CommandSpec<O>,
  args: readonly string[],
  hint = '--help',
  conflictsIn: Conflicts<O> = () => [],
): Arguments<O> {
  const wrongValues: string[] = [];
  const unknown: string[] = [];
  const command = commandOf(spec, (problem) => wrongValues.push(problem));
  const parsed = parse(command, args, (problem) => unknown.push(problem));
  const options = valuesOf(spec.options, command) as Arguments<O>['options'];
  unknown.push(...strangeIn(spec, command, parsed));
  const isGiven = (name: keyof O) => isOnLine(command, spec.options[name]);
  const problems = [...unknown, ...wrongValues, ...conflictsIn(options, isGiven)];
  if (unknown.length > 0 && hint !== '') problems.push(`see ${hint}`);
  if (problems.length > 0) throw new UsageError(problems.join('; '));
  return { options, operands: parsed.operands };
}

function commandOf(spec: CommandSpec, onWrong: (problem: string) => void = () => undefined): Command {
  const command = new Command(spec.name)
    .description(spec.about)
    .helpOption(false)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .configureHelp({ helpWidth: HELP_WIDTH, optionTerm: ({ flags }) => plain(flags) });
  if (spec.usage !== undefined) command.usage(spec.usage);
  for (const one of [...Object.values(spec.options), HELP]) command.addOption(optionOf(one, onWrong));
  for (const [name, about] of Object.entries(spec.commands ?? {})) command.command(name).summary(about);
  if (spec.operands !== undefined) {
    const { name, about, isList } = spec.operands;
    command.argument(`[${name}${isList ? '...' : ''}]`, about);
  }
  return command;
}

function optionOf(spec: OptionSpec<unknown>, onWrong: (problem: string) => void): Option {
  const { flags, about, parse, isList, fallback, heading } = spec;
  const option = new Option(flags, about);
  if (heading !== undefined) option.helpGroup(heading);
  if (!option.required) return option;
  // A list without values, and an option that may be absent, have no default to be shown.
  if (!isList && fallback !== undefined) option.default(fallback, String(fallback));
  const complain = (problem: string) => onWrong(`${option.long ?? option.short} ${problem}`);
  if (!isList) return option.argParser((text) => readValue(parse, text, complain));
  return option.argParser((text: string, before: unknown) => {
    const read = readValue(parse, text, complain);
    return [...(Array.isArray(before) ? before : []), ...(read === WRONG ? [] : [read])];
  });
}

function readValue(parse: (text: string) => unknown, text: string, onWrong: (problem: string) => void): unknown {
  try {
    return parse(text);
  } catch (error) {
    onWrong(error instanceof Error ? error.message : String(error));
    return WRONG;
  }
}

/** An option at the end, or one before another option, lacks its value: it is named, and left out of what is read. */
function parse(command: Command, args: readonly string[], onProblem: (problem: string) => void) {
  const complete = args.filter((arg, index) => {
    const option = command.options.find(({ short, long }) => arg === short || arg === long);
    const next = args[index + 1];
    if (!option?.required || (next !== undefined && !next.startsWith('--'))) return true;
    onProblem(plain(`option '${option.flags}' argument missing`));
    return false;
  });
  try {
    return command.parseOptions(complete);
  } catch (error) {
    // Short options in one word, the last without its value.
    onProblem(plain(wordsOf(error)));
    return { operands: [], unknown: [] };
  }
}

function valuesOf(options: Options, command: Command): Record<string, unknown> {
  const all = Object.entries({ ...options, help: HELP }).map(([key, { flags, fallback }]) => {
    const given: unknown = command.getOptionValue(new Option(flags).attributeName());
    return [key, given === undefined || given === WRONG ? fallback : given] as const;
  });
  return Object.fromEntries(all.filter(([, read]) => read !== undefined));
}

function isOnLine(command: Command, option: OptionSpec<unknown> | undefined): boolean {
  return option !== undefined && command.getOptionValueSource(new Option(option.flags).attributeName()) === 'cli';
}

/** What is wrong with the arguments that commander did not take. It calls all of them `unknown` after the first unknown option. */
function strangeIn(spec: CommandSpec, command: Command, { operands, unknown }: ParseOptionsResult): string[] {
  const options = unknown.filter((arg) => arg.startsWith('-'));
  // An argument after an unknown option may be its value. An option with `=` has brought its own.
  const others = unknown.filter((arg, i) => !arg.startsWith('-') && !/^-[^=]*$/.test(unknown[i - 1] ?? ''));
  return [
    ...options.flatMap((arg) => strangeOption(command, arg)),
    ...wrongOperands(spec, command, spec.commands === undefined ? [...operands, ...others] : operands),
  ];
}

function strangeOption(command: Command, arg: string): string[] {
  const [name = arg] = arg.startsWith('--') ? arg.split('=') : [];
  const isKnown = command.options.some(({ long }) => long === name);
  return isKnown ? [`option '${name}' does not take an argument`] : complaints(command, name);
}

function wrongOperands(spec: CommandSpec, command: Command, operands: readonly string[]): string[] {
  if (spec.commands !== undefined) return operands.slice(0, 1).flatMap((operand) => complaints(command, operand));
  if (spec.operands === undefined) return operands.map((operand) => `unexpected argument '${operand}'`);
  return spec.operands.isList || operands.length < 2 ? [] : [`there is more than one ${spec.operands.name}`];
}

/** What commander says of one argument, with what may have been meant. */
function complaints(command: Command, arg: string): string[] {
  try {
    command.parse([arg], { from: 'user' });
    return [];
  } catch (error) {
    return [wordsOf(error)];
  }
}

/** As people write it: `--runs N`. */
function plain(text: string): string {
  return text.replaceAll(/[<>]/g, '');
}

function wordsOf(error: unknown): string {
  if (!(error instanceof CommanderError)) throw error;
  return error.message.replace(/^error: /, '').replace('\n(D', ' (d');
}
