import { access, constants, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
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
    process.on(signal, () => {
      // Whatever it started ends with it.
      if (interrupted.signal.aborted) process.exit(130);
      progress('interrupted: ends its drains, and stops all; once more ends it at once');
      interrupted.abort(new Error('interrupted'));
    });
  }
  try {
    const { help, durationMs, out } = readFlags(args);
    if (help) {
      process.stdout.write(HELP);
      return 0;
    }
    await assertPlaceFor(out);
    const write = async (record: SoakRecord) => {
      await replaceFile(out, drawPage(record, findingsOf(record)));
      await replaceFile(`${out}.json`, JSON.stringify(record));
    };
    const record = await soak({ durationMs, progress, checkpoint: write, signal: interrupted.signal });
    const findings = findingsOf(record);
    process.stdout.write(findings.map((finding) => `${lineOf(finding)}\n`).join(''));
    await write(record);
    process.stdout.write(`charts in ${out}\n`);
    if (interrupted.signal.aborted) return 130;
    return findings.every(({ isGood }) => isGood) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`soak: ${describeError(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** Hours later it would be too late to say so. */
async function assertPlaceFor(out: string): Promise<void> {
  const folder = dirname(resolve(out));
  const isFolder = (path: string) =>
    stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
  if (!(await isFolder(folder))) throw new UsageError(`--out: there is no folder ${folder}: make it first`);
  if (await isFolder(out)) throw new UsageError(`--out: ${out} is a folder: name a file in it`);
  await access(folder, constants.W_OK).catch((error) => {
    throw new UsageError(`--out: nothing can be written into ${folder}: ${describeError(error)}`);
  });
}

/** What was there stays if there is no room for more. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

// Whatever may still be open is not worth a process that does not end.
process.exit(await main(process.argv.slice(2)));
