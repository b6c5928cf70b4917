import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readFlags } from '../../rehearsal/flags.ts';
import { UsageError } from '../../rehearsal/usage-error.ts';

const DEFAULTS = {
  help: false,
  nodes: 3,
  members: 3,
  process: 'in-place',
  periodMs: 1_000,
  controlPlane: false,
  json: false,
  plain: false,
};

describe('flags of the rehearsal', () => {
  it('have defaults', () => {
    assert.deepEqual(readFlags([]), DEFAULTS);
    assert.deepEqual(readFlags(['--control-plane']), { ...DEFAULTS, controlPlane: true, periodMs: 10_000 });
  });

  it('are read', () => {
    const flags = readFlags(['--nodes=4', '--members', '7', '--process', 'swap', '--period', '1m30s', '-h']);
    const expected = { help: true, nodes: 4, members: 7, process: 'swap', periodMs: 90_000 };
    assert.deepEqual(flags, { ...DEFAULTS, ...expected });
    assert.deepEqual(readFlags(['--json', '--plain', '--report=a.html']), {
      ...DEFAULTS,
      json: true,
      plain: true,
      report: 'a.html',
    });
  });

  const wrong: [string[], RegExp][] = [
    [['--unknown'], /^Unknown option '--unknown'; see --help$/],
    [['--nodes', '1'], /^--nodes takes a number from 2 to 100, not "1"$/],
    [['--members', '1e1'], /^--members takes a number/],
    [['--process', 'InPlaceUpgrade'], /^--process takes in-place or swap, not "InPlaceUpgrade"$/],
    [['--period', '10'], /^--period takes a time like 500ms or 10s, not "10"$/],
    [['--period', '0s'], /^--period takes a time/],
    [['--report='], /^--report takes the name of a file$/],
    [['drain'], /^Unexpected argument 'drain'; see --help$/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args.join(' ')} in one line`, () => {
      assert.throws(
        () => readFlags(args),
        (error) => error instanceof UsageError && message.test(error.message) && !error.message.includes('\n'),
      );
    });
  }
});
