import { writeFileSync } from 'node:fs';
import { UsageError } from '../src/command-line.ts';
import { describeError } from '../src/kube/errors.ts';
import { type Options, readOptions } from './options.ts';
import { rehearseAll } from './rehearse-all.ts';
import { matrixOf } from './report/matrix.ts';
import { reportOf } from './report/page.ts';
import { checkRequirements } from './requirements.ts';
import { scenarioLines } from './scenarios/catalog.ts';
import { scenariosFor, venueFor } from './selection.ts';
import { questionFor } from './terminal/question.ts';
import { endOf } from './terminal/summary.ts';
import { liveView, plainView, type View } from './terminal/view.ts';
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
    if (text === undefined) return (await run(options, invocation, end)) ? 0 : 1;
    process.stdout.write(text);
    return 0;
  } catch (error) {
    const why: unknown = end.aborted ? end.reason : error;
    console.error(`${invocation.program}: ${describeError(why)}`);
    return exitCodeFor(why);
  }
}

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
async function run(options: Options, { hook, needsContext }: Invocation, signal: AbortSignal): Promise<boolean> {
  checkRequirements(options, process.env, needsContext);
  const scenarios = scenariosFor(options);
  const ask = questionFor(process.stdin, process.stderr, signal);
  const venue = venueFor(options, { env: process.env, ask, hook });
  const view = viewFor(options);
  // However this process ends, the terminal is left as it was found.
  process.once('exit', view.stop);
  try {
    const records = await rehearseAll(scenarios, venue, view, signal);
    view.stop();
    for (const line of endOf(records, options.scenario !== undefined || records.length > 1)) view.write(line);
    // Counted from the start of this process.
    view.write(`took ${(performance.now() / 1000).toFixed(1)} s in all`);
    if (options.json) console.log(JSON.stringify(records));
    if (options.table !== undefined) writeFileSync(options.table, matrixOf(records));
    if (options.report !== undefined) writeFileSync(options.report, reportOf(records));
    return records.every(({ holds }) => holds);
  } finally {
    view.stop();
  }
}

function viewFor({ json, plain }: Options): View {
  // What a program is to read must be alone on standard output.
  if (json) return plainView((line) => console.error(line));
  const { stdout } = process;
  if (plain || !stdout.isTTY || process.env.TERM === 'dumb') return plainView((line) => console.log(line));
  return liveView(stdout, () => performance.now());
}
