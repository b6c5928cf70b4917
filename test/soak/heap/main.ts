import { existsSync } from 'node:fs';
import { helpOf, readArguments, UsageError } from '../../../src/command-line.ts';
import { describeError } from '../../../src/kube/errors.ts';
import { compareHeaps, rowsOf } from './comparison.ts';
import { readSnapshot } from './snapshot.ts';

const HEAP = {
  name: 'npm run soak:heap --',
  about: 'What grew between two heap snapshots, in numbers of objects and in their own bytes.',
  usage: 'BEFORE.heapsnapshot AFTER.heapsnapshot',
  options: {},
  operands: { name: 'FILE', about: 'two snapshots, the earlier one first', isList: true },
};

/** `npm run soak:heap -- BEFORE AFTER` */
async function main(args: readonly string[]): Promise<number> {
  try {
    const { options, operands } = readArguments(HEAP, args);
    if (options.help) {
      process.stdout.write(helpOf(HEAP));
      return 0;
    }
    const [before, after, ...more] = operands;
    if (before === undefined || after === undefined || more.length > 0)
      throw new UsageError(`takes two snapshots, the earlier one first, not ${operands.length}; see --help`);
    const missing = [before, after].find((path) => !existsSync(path));
    if (missing !== undefined) throw new UsageError(`there is no file ${missing}`);
    const rows = rowsOf(compareHeaps(await readSnapshot(before), await readSnapshot(after)));
    process.stdout.write(rows.map((row) => `${row.join('\t')}\n`).join(''));
    return 0;
  } catch (error) {
    process.stderr.write(`soak:heap: ${describeError(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
