import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { colours } from '../../src/terminal/colours.ts';
import { limitsFor, table, WIDTH } from '../../src/terminal/columns.ts';

const HEADER = ['POD', 'NODE', 'WHY'];
const CODES = ['\x1b[31m', '\x1b[32m', '\x1b[0m'];
const draw = (rows: string[][]) => table(HEADER, rows, limitsFor(HEADER, rows));

describe('a table of any cells', () => {
  test('is as wide as they are where there is room', () => {
    assert.deepEqual(limitsFor(HEADER, [['cb-0000', 'a', 'x']]), [7, 4]);
  });

  test('never is wider than the terminal, and loses nothing', () => {
    for (const lengths of [
      [200, 3, 3],
      [3, 3, 200],
      [80, 80, 80],
      [39, 60, 300],
    ]) {
      const cells = lengths.map((length, i) => 'abc'.charAt(i).repeat(length));
      const lines = draw([cells]).slice(1);
      assert.ok(
        lines.every(({ length }) => length <= WIDTH),
        lines.join('\n'),
      );
      const shown = [...lines.join('')].filter((char) => char !== ' ').toSorted();
      assert.equal(shown.join(''), cells.join(''));
    }
  });

  test('the widest columns give way, not the narrow ones', () => {
    const [pod = 0, node = 0] = limitsFor(HEADER, [['p'.repeat(90), 'n'.repeat(10), 'w'.repeat(90)]]);
    assert.deepEqual([pod, node], [43, 10]);
  });

  test('colours change no column', () => {
    const rows = [['cb-0000', 'node-1', 'x']];
    const colour = colours(true);
    const painted = table(HEADER, rows, limitsFor(HEADER, rows), (text, _, row) => colour(row ? 'bad' : 'good', text));
    assert.ok(painted[1]?.startsWith('\x1b[31mcb-0000\x1b[0m  \x1b[31mnode-1\x1b[0m  '));
    assert.deepEqual(
      painted.map((line) => CODES.reduce((text, code) => text.replaceAll(code, ''), line)),
      table(HEADER, rows, limitsFor(HEADER, rows)),
    );
  });
});
