import { writeFile } from 'node:fs/promises';
import { UsageError } from '../../src/command-line.ts';
import { describeError } from '../../src/kube/errors.ts';
import { HELP, readFlags } from './flags.ts';
import { drawPage } from './page.ts';
import type { SoakRecord } from './record.ts';
import { soak } from './soak.ts';
import { findingsOf, lineOf } from './verdict.ts';

/** `npm run soak`: resolves to the exit code; see HELP for what it means. */
async function main(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  const startedAt = performance.now();
  const progress = (line: string) => {
    const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
    process.stderr.write(`${minutes.padStart(6)} min  ${line}\n`);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupted.abort(new Error('interrupted')));
  }
  try {
    const { help, durationMs, out } = readFlags(args);
    if (help) {
      process.stdout.write(HELP);
      return 0;
    }
    const write = async (record: SoakRecord) => {
      await writeFile(out, drawPage(record, findingsOf(record)));
      await writeFile(`${out}.json`, JSON.stringify(record));
    };
    const record = await soak({ durationMs, progress, checkpoint: write, signal: interrupted.signal });
    await write(record);
    const findings = findingsOf(record);
    process.stdout.write(findings.map((finding) => `${lineOf(finding)}\n`).join(''));
    process.stdout.write(`charts in ${out}\n`);
    if (interrupted.signal.aborted) return 130;
    return findings.every(({ isGood }) => isGood) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`soak: ${describeError(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
