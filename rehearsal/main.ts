import { writeFileSync } from 'node:fs';
import { describeError } from '../src/kube/errors.ts';
import { checkBeforehand } from './beforehand.ts';
import { brokenOff } from './evidence/broken-off.ts';
import type { RehearsalRecord } from './evidence/record.ts';
import { endOf } from './evidence/summary.ts';
import { type Flags, HELP, readFlags } from './flags.ts';
import { type RehearsalOptions, rehearse } from './rehearse.ts';
import { reportOf } from './report/page.ts';
import { playAll, scenarioLines, scenariosNamed } from './scenarios/all.ts';
import { liveView, plainView, type View } from './terminal/view.ts';
import { UsageError } from './usage-error.ts';
import { asker } from './venues/existing-cluster/ask.ts';
import { observe } from './venues/existing-cluster/observe.ts';
import { rehearseOnCluster } from './venues/existing-cluster/rehearse.ts';

/** A person, or whoever started this, wants it to end. */
class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** `npm run rehearse`: resolves to the exit code; see HELP for what it means. */
async function main(args: readonly string[]): Promise<number> {
  const end = endEarly();
  try {
    const flags = readFlags(args);
    const text = textFor(flags);
    if (text === undefined) return (await run(flags, end)) ? 0 : 1;
    process.stdout.write(text);
    return 0;
  } catch (error) {
    const why: unknown = end.aborted ? end.reason : error;
    console.error(`rehearse: ${describeError(why)}`);
    return exitCodeFor(why);
  }
}

/** What is all that is wanted; undefined where something is to be rehearsed. */
function textFor({ help, list }: Flags): string | undefined {
  if (help) return HELP;
  return list ? `${scenarioLines().join('\n')}\n` : undefined;
}

function exitCodeFor(why: unknown): number {
  if (why instanceof Interrupted) return 130;
  return why instanceof UsageError ? 2 : 1;
}

/** Aborted by whatever would end this process, so that what it has done to a cluster is taken back first. */
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

/** Plays what the flags ask for, tells it, and writes it where it is wanted. Resolves to whether every check holds. */
async function run(flags: Flags, signal: AbortSignal): Promise<boolean> {
  checkBeforehand(flags, process.env);
  const scenarios = flags.scenario === undefined ? undefined : scenariosNamed(flags.scenario);
  const view = viewFor(flags);
  // However this process ends, the terminal is left as it was found.
  process.once('exit', view.stop);
  try {
    const options = { write: view.write, follow: view.follow, signal };
    const records = scenarios ? await playAll(scenarios, flags, options) : [await playOne(flags, options)];
    view.stop();
    for (const line of endOf(records, scenarios !== undefined)) view.write(line);
    // Counted from the start of this process.
    view.write(`took ${(performance.now() / 1000).toFixed(1)} s in all`);
    if (flags.json) console.log(JSON.stringify(records));
    if (flags.report !== undefined) writeFileSync(flags.report, reportOf(records));
    return records.every(({ holds }) => holds);
  } finally {
    view.stop();
  }
}

/** Also where it breaks off there is a record, for whoever reads records only. */
async function playOne(flags: Flags, options: RehearsalOptions): Promise<RehearsalRecord> {
  const about = 'It broke off, and what it had seen until then is lost.';
  const scenario = { name: flags.cluster === undefined ? flags.process : 'cluster', title: 'A rehearsed drain', about };
  return play(flags, options).catch((error: unknown) => brokenOff(scenario, error, options.signal));
}

function play(flags: Flags, options: RehearsalOptions): Promise<RehearsalRecord> {
  const { cluster } = flags;
  if (cluster === undefined) return rehearse(flags, options);
  if (cluster.observe) return observe(cluster, options, process.env);
  const ask = asker(process.stdin, process.stderr, options.signal);
  return rehearseOnCluster(flags, cluster, { ...options, env: process.env, ask });
}

function viewFor({ json, plain }: Flags): View {
  // What a program is to read must be alone on standard output.
  if (json) return plainView((line) => console.error(line));
  const { stdout } = process;
  if (plain || !stdout.isTTY || process.env.TERM === 'dumb') return plainView((line) => console.log(line));
  return liveView(stdout, () => performance.now());
}

process.exitCode = await main(process.argv.slice(2));
