import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { writeHeapSnapshot } from 'node:v8';
import { compareHeaps, rowsOf } from './comparison.ts';
import { readSnapshot } from './snapshot.ts';

class Kept {
  readonly #number: number;
  constructor(number: number) {
    this.#number = number;
  }
  get number(): number {
    return this.#number;
  }
}

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'heap-test-'));
});
after(() => rm(dir, { recursive: true, force: true }));

describe('two heap snapshots', () => {
  test('objects that were kept between them are counted by their constructor', async () => {
    const kept = [new Kept(0)];
    const one = writeHeapSnapshot(join(dir, 'one.heapsnapshot'));
    for (let n = 1; n <= 1_234; n++) kept.push(new Kept(n));
    const two = writeHeapSnapshot(join(dir, 'two.heapsnapshot'));
    const comparison = compareHeaps(await readSnapshot(one), await readSnapshot(two));
    const found = comparison.kinds.find(({ name }) => name === 'Kept');
    // The prototype is named so, too.
    assert.equal((found?.after.count ?? 0) - (found?.before.count ?? 0), 1_234);
    assert.ok((found?.after.bytes ?? 0) - (found?.before.bytes ?? 0) >= 1_234 * 12);
    assert.ok(comparison.after.count > comparison.before.count);
    assert.equal(rowsOf(comparison)[0]?.[0], 'everything');
    assert.equal(kept.at(-1)?.number, 1_234);
  });

  test('what shrank is no growth, and what is new is', () => {
    const { kinds } = compareHeaps(
      new Map([
        ['Less', { count: 5, bytes: 500 }],
        ['More', { count: 1, bytes: 10 }],
      ]),
      new Map([
        ['Less', { count: 2, bytes: 200 }],
        ['More', { count: 3, bytes: 30 }],
        ['New', { count: 1, bytes: 900 }],
      ]),
    );
    assert.deepEqual(
      kinds.map(({ name }) => name),
      ['New', 'More'],
    );
  });

  test('a file that was cut off is not taken for one', async () => {
    const file = join(dir, 'cut.heapsnapshot');
    await writeFile(
      file,
      '{"snapshot":{"meta":{"node_fields":["type"],"node_types":[["object"]]},"node_count":1},"nodes":[1,2',
    );
    await assert.rejects(readSnapshot(file), /no whole heap snapshot/);
  });
});
