import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { UsageError } from '../../src/command-line.ts';
import { readFlags } from './flags.ts';
import { target } from './target.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const NAMES = ['bodies', 'watch'];

function command(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf-8' });
  return { status, stdout, stderr };
}

describe('npm run fuzz', () => {
  test('--help names the options and the targets', () => {
    const { status, stdout, stderr } = command('--help');
    assert.deepEqual([status, stderr], [0, '']);
    for (const word of ['--runs N', '--seed S', '--only NAME', '--path P', 'bodies  ', 'selectors']) {
      assert.ok(stdout.includes(word), word);
    }
  });

  test('runs as often as asked, from the seed that is given, and says how fast', () => {
    const { status, stdout } = command('--only', 'versions', '--runs', '50', '--seed', '7');
    assert.equal(status, 0);
    assert.match(stdout, /^versions: 50 cases in [\d.]+ s, \d+\/s, seed 7\n$/);
  });

  test('a wrong command line: exit code 2 and one line', () => {
    const { status, stdout, stderr } = command('--runs', 'many');
    assert.deepEqual([status, stdout], [2, '']);
    assert.equal(stderr, 'fuzz: --runs takes a whole number from 1 on, not "many"\n');
  });

  for (const args of [['--fast'], ['surplus'], ['--seed', '-1'], ['--only', 'x'], ['--path', '1'], ['--runs', '0']]) {
    test(`wrong: ${args.join(' ')}`, () => assert.throws(() => readFlags(args, NAMES), UsageError));
  }

  test('what is not given has its default', () => {
    assert.deepEqual(readFlags([], NAMES), { help: false, runs: 10_000, only: [] });
  });
});

describe('target', () => {
  const small = target({ name: 'small', about: '' }, fc.nat(1_000), () => (value) => assert.ok(value < 77, 'too much'));

  test('a failure says the smallest case, why, and how to see it again, which the path then does', async () => {
    const failure = await small.run({ runs: 500, seed: 3 }).catch((error: Error) => error.message);
    assert.match(failure ?? '', /Counterexample: \[77\][\s\S]*too much[\s\S]*--only small --seed 3 --path [\d:]+$/);
    const path = / --path ([\d:]+)$/.exec(failure ?? '')?.[1];
    await assert.rejects(small.run({ runs: 1, seed: 3, path }), /after 1 tests[\s\S]*Counterexample: \[77\]/);
  });
});
