import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HELP, PHASES, readFlags, UsageError } from '../../bench/support/flags.ts';

const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

function bench(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf-8' });
  return { status, stdout, stderr };
}

describe('flags of the benchmark', () => {
  test('nothing given: every phase, in full, no file', () => {
    assert.deepEqual(readFlags([]), { help: false, quick: false, only: PHASES });
  });

  test('all of them', () => {
    const flags = readFlags(['--quick', '--json', 'out.json', '--only', 'cache', '--only=controller']);
    assert.deepEqual(flags, { help: false, quick: true, json: 'out.json', only: ['cache', 'controller'] });
  });

  for (const [args, message] of [
    [['--fast'], /^unknown option '--fast'; see --help$/],
    [['surplus'], /^unexpected argument 'surplus'; see --help$/],
    [['--json'], /argument missing/],
    [['--json='], /^--json takes the name of a file$/],
    [
      ['--only', 'drains'],
      /^--only takes evictions, unprotected, cache, controller, tenants, profiles or upgrade, not "drains"$/,
    ],
  ] as const) {
    test(`${args.join(' ')} is refused in one line`, () => {
      assert.throws(
        () => readFlags(args),
        (error) => error instanceof UsageError && message.test(error.message) && !error.message.includes('\n'),
      );
    });
  }

  test('an unknown flag ends the program with code 2 and one line', () => {
    assert.deepEqual(bench('--fast'), {
      status: 2,
      stdout: '',
      stderr: "bench: unknown option '--fast'; see --help\n",
    });
  });

  test('--help prints the help and measures nothing', () => {
    assert.deepEqual(bench('--help'), { status: 0, stdout: HELP, stderr: '' });
  });
});
