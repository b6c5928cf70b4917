import { globSync, readFileSync } from 'node:fs';
import { helpOf, UsageError } from '../src/command-line.ts';
import { startLoad } from './steady/load.ts';
import { type Options, readOptions, STEADY } from './steady/options.ts';
import { hashOf, Record, type Run } from './steady/record.ts';
import { runFile } from './steady/run-file.ts';
import { fastFiles, shareCompiled } from './test-files.ts';

const MINUTE_MS = 60_000;
const INTERRUPTED = 130;

/** `npm run test:steady`: finds tests that fail now and then. Resolves to the exit code; see --help for what it means. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.help) {
    process.stdout.write(helpOf(STEADY));
    return 0;
  }
  const files = filesOf(options);
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interruption.abort());
  shareCompiled();
  const load = startLoad(options.busy);
  try {
    return await runAll(files, options, interruption.signal);
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    console.log('interrupted; the same command goes on from here');
    return INTERRUPTED;
  } finally {
    load.stop();
  }
}

function filesOf({ files }: Options): string[] {
  if (files.length === 0) return fastFiles();
  return files.flatMap((pattern) => {
    const found = globSync(pattern).sort();
    if (found.length === 0) throw new UsageError(`there is no file "${pattern}"`);
    return found;
  });
}

async function runAll(files: readonly string[], options: Options, signal: AbortSignal): Promise<number> {
  const record = new Record(options.dir, options);
  // Read each time: somebody may change the file meanwhile.
  const subjectOf = (file: string) => ({ file, hash: hashOf(readFileSync(file)), busy: options.busy });
  const runsOf = (file: string) => record.runsOf(subjectOf(file));
  const left = files.reduce((sum, file) => sum + Math.max(0, options.runs - runsOf(file).length), 0);
  console.log(
    `${files.length} files, ${options.runs} runs each beside ${options.busy} busy loops; ${left} runs are left`,
  );
  let done = 0;
  // Round by round, so that an early end has seen every file.
  for (let round = 1; round <= options.runs; round++) {
    for (const file of files) {
      if (runsOf(file).length >= round) continue;
      const subject = subjectOf(file);
      const { output, ...outcome } = await runFile(file, { limitMs: options.limit * MINUTE_MS, signal });
      const run = { ...subject, ...outcome };
      const kept = record.add(run, output);
      console.log(`${++done}/${left} ${describe(run)}`);
      if (kept !== undefined) console.log(`  output: ${kept}`);
    }
  }
  return summarise(files.flatMap(runsOf), record.tableFile);
}

function describe({ file, passed, failed, durationMs }: Run): string {
  const names = failed.map((name) => `\n  failed: ${name}`);
  return `${passed ? 'ok    ' : 'FAILED'} ${(durationMs / 1000).toFixed(1)} s  ${file}${names.join('')}`;
}

function summarise(runs: readonly Run[], tableFile: string): number {
  const failed = runs.filter(({ passed }) => !passed);
  console.log(`${failed.length} of ${runs.length} runs failed; the table is ${tableFile}`);
  for (const file of new Set(failed.map(({ file }) => file))) {
    const names = new Set(failed.filter((run) => run.file === file).flatMap((run) => run.failed));
    console.log([file, ...names].join('\n  '));
  }
  return failed.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`test:steady: ${error.message}`);
  process.exitCode = 2;
}
