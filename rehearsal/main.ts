import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../src/command-line.ts';
import { describeError } from '../src/kube/errors.ts';
import { type Options, readOptions } from './options.ts';
import { rehearseAll } from './rehearse-all.ts';
import { matrixOf } from './report/matrix.ts';
import { reportOf } from './report/page.ts';
import { checkRequirements } from './requirements.ts';
import { scenarioLines } from './scenarios/catalog.ts';
import { scenariosFor, venueFor } from './selection.ts';
import { type Output, plainOutput, terminalOutput } from './terminal/output.ts';
import { questionFor } from './terminal/question.ts';
import { Show } from './terminal/show.ts';
import { totalOf } from './terminal/summary.ts';
import { helpText, type Invocation } from './usage.ts';

/** A person, or whoever started this, wants it to end. */
class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** The command `rehearse`, with the arguments after its name. Resolves to the exit code, which `--help` describes. */
export async function runRehearsal(args: readonly string[], invocation: Invocation): Promise<number> {
  const end = endEarly();
  try {
    const options = readOptions(args);
    const text = textFor(options, invocation);
    if (text === undefined) return (await run(options, invocation, commandOf(invocation, args), end)) ? 0 : 1;
    process.stdout.write(text);
    return 0;
  } catch (error) {
    const why: unknown = end.aborted ? end.reason : error;
    console.error(`${invocation.program}: ${describeError(why)}`);
    return exitCodeFor(why);
  }
}

/** The command as it can be typed again in a shell. */
const commandOf = ({ name }: Invocation, args: readonly string[]) =>
  [name, ...args.map((arg) => (/^[\w./:=,@%+-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`))].join(' ');

/** What is only printed; undefined if something is to be rehearsed. */
function textFor({ help, list }: Options, { name }: Invocation): string | undefined {
  if (help) return helpText(name);
  return list ? `${scenarioLines().join('\n')}\n` : undefined;
}

function exitCodeFor(why: unknown): number {
  if (why instanceof Interrupted) return 130;
  return why instanceof UsageError ? 2 : 1;
}

/** Aborts on whatever would end this process, so that what it has done to a cluster is taken back first. */
function endEarly(): AbortSignal {
  const end = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => end.abort(new Interrupted('interrupted')));
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (cause) => end.abort(new Error('nobody reads what is told', { cause })));
  }
  process.on('uncaughtException', (error) => end.abort(error));
  return end.signal;
}

/** Rehearses what the options ask for, and writes it where they want it. Resolves to whether every check holds. */
async function run(options: Options, invocation: Invocation, command: string, signal: AbortSignal): Promise<boolean> {
  const { hookProgram, needsContext } = invocation;
  checkRequirements(options, process.env, needsContext);
  const scenarios = scenariosFor(options);
  const ask = questionFor(process.stdin, process.stderr, signal);
  const venue = venueFor(options, { env: process.env, ask, hookProgram });
  const { atOnce } = venue;
  const isVerbose = options.verbose;
  const show = new Show({
    output: outputFor(options),
    scenarios,
    atOnce,
    isVerbose,
    monotonicNow: () => performance.now(),
  });
  // However this process ends, the terminal is left as it was found.
  process.once('exit', () => show.stop());
  try {
    const records = await rehearseAll(scenarios, venue, show, signal);
    show.stop();
    if (records.length > 1) show.write(totalOf(records));
    if (options.json) console.log(JSON.stringify(records));
    keep('report', options.report, () => reportOf(records, command), show);
    keep('table', options.table, () => matrixOf(records), show);
    // Counted from the start of this process.
    show.write(`took ${(performance.now() / 1000).toFixed(1)} s in all`);
    return records.every(({ holds }) => holds);
  } finally {
    show.stop();
  }
}

/** Writes a file that somebody wants, and says where it is. */
function keep(what: string, file: string | undefined, text: () => string, show: Pick<Show, 'write'>): void {
  if (file === undefined) return;
  writeFileSync(file, text());
  show.write(`${what}: ${resolve(file)}`);
}

function outputFor({ json, plain }: Options): Output {
  // What a program is to read must be alone on standard output.
  if (json) return plainOutput((line) => console.error(line));
  const { stdout, env } = process;
  if (!stdout.isTTY) return plainOutput((line) => console.log(line));
  const isDumb = env.TERM === 'dumb';
  return terminalOutput(stdout, { isColoured: !isDumb && !env.NO_COLOR, isLive: !isDumb && !plain });
}
