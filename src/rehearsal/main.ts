import { writeFileSync } from 'node:fs';
import { describeError } from '../kube/errors.ts';
import { asker } from './any-cluster/ask.ts';
import { observe } from './any-cluster/observe.ts';
import { rehearseOnCluster } from './any-cluster/rehearse.ts';
import { type Flags, HELP, readFlags, UsageError } from './flags.ts';
import { liveView, plainView, type View } from './live/view.ts';
import type { RehearsalRecord } from './record.ts';
import { type RehearsalOptions, rehearse } from './rehearse.ts';
import { reportOf } from './report/page.ts';
import { playAll, scenarioLines, scenariosNamed } from './scenarios/all.ts';
import { summaryOf } from './summary.ts';

/** `npm run rehearse`: resolves to the exit code; see HELP for what it means. */
async function main(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupted.abort(new Error('interrupted')));
  }
  try {
    const flags = readFlags(args);
    if (flags.help) {
      process.stdout.write(HELP);
      return 0;
    }
    if (flags.list) {
      process.stdout.write(`${scenarioLines().join('\n')}\n`);
      return 0;
    }
    if (flags.scenario !== undefined) return (await playAndTell(flags, flags.scenario, interrupted.signal)) ? 0 : 1;
    return (await rehearseAndTell(flags, interrupted.signal)) ? 0 : 1;
  } catch (error) {
    console.error(`rehearse: ${interrupted.signal.aborted ? 'interrupted' : describeError(error)}`);
    return exitCode(error, interrupted.signal);
  }
}

async function rehearseAndTell(flags: Flags, signal: AbortSignal): Promise<boolean> {
  const view = viewFor(flags);
  // However this process ends, the terminal is left as it was found.
  process.once('exit', view.stop);
  try {
    const record = await play(flags, { write: view.write, follow: view.follow, signal });
    view.stop();
    for (const line of ['', ...summaryOf(record)]) view.write(line);
    // Counted from the start of this process.
    view.write(`took ${(performance.now() / 1000).toFixed(1)} s in all`);
    if (flags.report !== undefined) writeFileSync(flags.report, reportOf([record]));
    if (flags.json) console.log(JSON.stringify([record]));
    return record.holds;
  } finally {
    view.stop();
  }
}

function play(flags: Flags, options: RehearsalOptions): Promise<RehearsalRecord> {
  const { cluster } = flags;
  if (cluster === undefined) return rehearse(flags, options);
  if (cluster.observe) return observe(cluster, options, process.env);
  const ask = asker(process.stdin, process.stderr, options.signal);
  return rehearseOnCluster(flags, cluster, { ...options, env: process.env, ask });
}

async function playAndTell(flags: Flags, name: string, signal: AbortSignal): Promise<boolean> {
  const scenarios = scenariosNamed(name);
  const view = viewFor(flags);
  process.once('exit', view.stop);
  try {
    const records = await playAll(scenarios, flags, { write: view.write, follow: view.follow, signal });
    view.stop();
    for (const record of records) for (const line of storyOf(record)) view.write(line);
    const safe = records.filter(({ holds }) => holds).length;
    view.write('');
    view.write(`${safe} of ${records.length} safe, took ${(performance.now() / 1000).toFixed(1)} s in all`);
    if (flags.report !== undefined) writeFileSync(flags.report, reportOf(records));
    if (flags.json) console.log(JSON.stringify(records));
    return safe === records.length;
  } finally {
    view.stop();
  }
}

function storyOf(record: RehearsalRecord): string[] {
  const { scenario, checks } = record;
  const held = checks.map(({ what, holds }) => `  ${holds ? 'holds' : 'FAILS'}  ${what}`);
  return ['', `${scenario.name}: ${scenario.about}`, ...held, ...summaryOf(record)];
}

function viewFor({ json, plain }: Flags): View {
  // What a program is to read must be alone on standard output.
  if (json) return plainView((line) => console.error(line));
  const { stdout } = process;
  if (plain || !stdout.isTTY || process.env.TERM === 'dumb') return plainView((line) => console.log(line));
  return liveView(stdout, () => performance.now());
}

function exitCode(error: unknown, interrupted: AbortSignal): number {
  if (interrupted.aborted) return 130;
  return error instanceof UsageError ? 2 : 1;
}

process.exitCode = await main(process.argv.slice(2));
