import { describeError } from '../../../src/kube/errors.ts';
import { compareHeaps, rowsOf } from './comparison.ts';
import { readSnapshot } from './snapshot.ts';

/** `npm run soak:heap -- BEFORE AFTER`: what grew between two heap snapshots, in numbers of objects and in their own bytes. */
async function main([before, after, ...more]: readonly string[]): Promise<number> {
  if (before === undefined || after === undefined || more.length > 0) {
    process.stderr.write('usage: npm run soak:heap -- BEFORE.heapsnapshot AFTER.heapsnapshot\n');
    return 2;
  }
  try {
    const rows = rowsOf(compareHeaps(await readSnapshot(before), await readSnapshot(after)));
    process.stdout.write(rows.map((row) => `${row.join('\t')}\n`).join(''));
    return 0;
  } catch (error) {
    process.stderr.write(`soak:heap: ${describeError(error)}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
