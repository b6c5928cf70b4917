import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { cpuSecondsIn, cpuSecondsOf } from '../../bench/support/process-cpu.ts';

test('user and system time are found behind whatever name a program has', () => {
  const stat = (name: string) => `123 (${name}) S 1 123 123 0 -1 4194560 900 0 1 0 250 75 3 4 20 0 11 0 98765 1 2\n`;
  assert.deepEqual(
    ['node', 'a b', ') S 1 (', ''].map((name) => cpuSecondsIn(stat(name))),
    [3.25, 3.25, 3.25, 3.25],
  );
});

test('this process has used what it says itself', { skip: !existsSync('/proc/self/stat') }, async () => {
  const own = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const before = own();
  const seen = (await cpuSecondsOf(process.pid)) ?? Number.NaN;
  // The system counts in hundredths, each of the two rounded down.
  assert.ok(seen > before - 0.05 && seen < own() + 0.05, `${before} s, ${seen} s, ${own()} s`);
});

test('of a process that is not there nothing is known', async () => {
  assert.equal(await cpuSecondsOf(0), undefined);
});
