import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { INVARIANTS } from '../runs/report.ts';
import { FAULTS } from './faults.ts';
import { MAX_RUNS, PAGE, rowStart } from './faults-table.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

describe(`planted faults are found, from the seed of the table on, in ${MAX_RUNS} runs at most`, () => {
  // Runs in a separate process, because the test runner tracks every promise, which makes it several times slower.
  const { stdout } = spawnSync(process.execPath, [MAIN, '--faults', '--check'], { encoding: 'utf-8' });
  const lines = stdout.split('\n');

  for (const [i, { what, violates }] of FAULTS.entries()) {
    test(`(${violates}) ${what}`, () => {
      const line = lines[i] ?? '';
      assert.match(line, new RegExp(`^${violates}, seed \\d+: `));
      assert.ok(line.endsWith(what), line);
    });
  }

  test('every invariant is violated by one of them', () => {
    assert.deepEqual([...new Set(FAULTS.map(({ violates }) => violates))].sort(), Object.keys(INVARIANTS));
  });
});

describe('docs/simulation.md', () => {
  const page = readFileSync(PAGE, 'utf-8');

  test('its table has a row for each planted fault', () => {
    const rows = page.split('\n').filter((line) => /^\| .* \| \([a-q]\) \|/.test(line));
    assert.equal(rows.length, FAULTS.length);
    for (const [i, fault] of FAULTS.entries()) assert.ok(rows[i]?.startsWith(rowStart(fault)), fault.what);
  });

  test('it has every invariant, by its letter', () => {
    for (const [letter, what] of Object.entries(INVARIANTS))
      assert.ok(page.includes(`**(${letter})** ${what}`), letter);
  });
});
