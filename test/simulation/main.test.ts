import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../../src/command-line.ts';
import { FAULTS } from './faults/faults.ts';
import { HELP, readFlags } from './flags.ts';
import { simulate } from './runs/simulate.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

function command(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf-8' });
  return { status, stdout, stderr };
}

describe('npm run simulate', () => {
  test('--help', () => {
    assert.deepEqual(command('--help'), { status: 0, stdout: HELP, stderr: '' });
  });

  test('runs from the seed that is given, and says how fast', () => {
    const { status, stdout, stderr } = command('--runs', '3', '--seed', '7');
    assert.equal(status, 0);
    assert.match(stdout, /^all held: 3 runs, \d+ steps in [\d.]+ s, \d+ steps\/s, from seed 7 on\nanswers: /);
    // On a slow machine lines about its progress follow.
    assert.match(stderr, /^3 runs from seed 7 on\n/);
  });

  test('a wrong command line: exit code 2 and one line', () => {
    const { status, stdout, stderr } = command('--runs', 'many');
    assert.deepEqual([status, stdout], [2, '']);
    assert.equal(stderr, 'simulate: --runs takes a whole number from 1 on, not "many"\n');
  });

  for (const args of [['--fast'], ['surplus'], ['--seed'], ['--seed', '-1'], ['--steps', '3']]) {
    test(`wrong: ${args.join(' ')}`, () => assert.throws(() => readFlags(args), UsageError));
  }

  test('what is not given has its default', () => {
    assert.deepEqual(readFlags([]), { help: false, faults: false, check: false, runs: 1000, steps: 240 });
  });

  test('a violation: exit code 1, what was violated, the seed, and the way to it', async () => {
    const printed: string[] = [];
    const { mutation } = FAULTS.find(({ violates }) => violates === 'f') ?? assert.fail();
    const io = { print: (text: string) => printed.push(text), progress: () => undefined };
    assert.equal(await simulate({ runs: 500, seed: 1, steps: 100, mutation, ...io }), 1);
    const [text = ''] = printed;
    assert.match(text, /^VIOLATED \(f\) a dry run changes nothing\n/);
    assert.match(text, /\nseed \d+: npm run simulate -- --runs 1 --seed \d+ --steps 100\n/);
    assert.match(text, /\n {2}dry-run-\d starts on n\d\n/);
    assert.match(text, /\n {6}t\d \(dry-run-\d evicts [a-z]+-\d at r\d\) sends PATCH /);
  });
});
