import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Conflicts,
  fileName,
  flag,
  helpOf,
  list,
  oneOf,
  readArguments,
  UsageError,
  under,
  value,
  whole,
} from '../src/command-line.ts';

const SPEC = {
  name: 'npm run fly --',
  about: 'Flies.',
  options: {
    quick: flag('-q, --quick', 'not far'),
    runs: value('-r, --runs <N>', 'how often', whole(1), 3),
    only: list('--only <BIRD>', 'which', oneOf(['crow', 'rook'])),
    outFile: value('--out <FILE>', 'where to', fileName),
  },
  notes: 'Exit code: 0.',
};
const NOTHING_GIVEN = { help: false, quick: false, runs: 3, only: [] };

const HOUSE = { name: 'house', about: 'A house.', options: {}, commands: { status: 'how it is' } };
const ONE_FILE = { name: 'cat', about: '', options: {}, operands: { name: 'FILE', about: 'what', isList: false } };
const FILES = { ...ONE_FILE, operands: { ...ONE_FILE.operands, isList: true } };

function problemOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  return assert.fail('nothing was wrong');
}

describe('what is read', () => {
  const cases: [string[], object][] = [
    [[], {}],
    [['--quick', '--help'], { quick: true, help: true }],
    [['-qh'], { quick: true, help: true }],
    [['-r', '7'], { runs: 7 }],
    [['-r7', '--out=a b'], { runs: 7, outFile: 'a b' }],
    [['--runs', '7', '--runs=8'], { runs: 8 }],
    [['--only', 'rook', '--only=crow'], { only: ['rook', 'crow'] }],
    [['--out', '-'], { outFile: '-' }],
  ];
  for (const [args, expected] of cases) {
    test(args.join(' ') || 'nothing', () => {
      assert.deepEqual(readArguments(SPEC, args), { options: { ...NOTHING_GIVEN, ...expected }, operands: [] });
    });
  }

  test('what was read before is not remembered', () => {
    readArguments(SPEC, ['--only', 'crow', '--quick']);
    assert.deepEqual(readArguments(SPEC, ['--only', 'rook']).options, { ...NOTHING_GIVEN, only: ['rook'] });
  });

  test('operands, where there may be some', () => {
    assert.deepEqual(readArguments(ONE_FILE, ['a']).operands, ['a']);
    assert.deepEqual(readArguments(ONE_FILE, ['--', '--a']).operands, ['--a']);
    assert.deepEqual(readArguments(FILES, ['a', 'b', 'c']).operands, ['a', 'b', 'c']);
  });
});

describe('what is wrong is named', () => {
  const cases: [string[], string][] = [
    [['--fast'], "unknown option '--fast'; see --help"],
    [['--quik'], "unknown option '--quik' (did you mean --quick?); see --help"],
    [['--quik=1000000'], "unknown option '--quik' (did you mean --quick?); see --help"],
    [['-x'], "unknown option '-x'; see --help"],
    [['--quick=yes'], "option '--quick' does not take an argument; see --help"],
    [['a', 'b'], "unexpected argument 'a'; unexpected argument 'b'; see --help"],
    [
      ['--fast', '1', 'a', '--quick', 'b'],
      "unknown option '--fast'; unexpected argument 'a'; unexpected argument 'b'; see --help",
    ],
    [['--fast=1', 'a'], "unknown option '--fast'; unexpected argument 'a'; see --help"],
    [['--out'], "option '--out FILE' argument missing; see --help"],
    [['-qr'], "option '-r, --runs N' argument missing; see --help"],
    [['--out', '--quick'], "option '--out FILE' argument missing; see --help"],
    [['--runs', '-1'], '--runs takes a whole number from 1 on, not "-1"'],
    [['--out='], '--out takes the name of a file'],
    [
      ['--only', 'owl', '--only', 'crow', '--runs=x'],
      '--only takes crow or rook, not "owl"; --runs takes a whole number from 1 on, not "x"',
    ],
    [
      ['--out', '--fast', '--slow', '3', '--only', 'owl', '--runs'],
      "option '--out FILE' argument missing; option '-r, --runs N' argument missing; unknown option '--fast'; unknown option '--slow'; --only takes crow or rook, not \"owl\"; see --help",
    ],
    [['--help', '--fast'], "unknown option '--fast'; see --help"],
  ];
  for (const [args, problem] of cases)
    test(args.join(' '), () =>
      assert.equal(
        problemOf(() => readArguments(SPEC, args)),
        problem,
      ),
    );

  test('a command', () => {
    assert.equal(
      problemOf(() => readArguments(HOUSE, ['statsu'])),
      "unknown command 'statsu' (did you mean status?); see --help",
    );
    assert.equal(
      problemOf(() => readArguments(HOUSE, [''])),
      "unknown command ''; see --help",
    );
  });

  test('a second file, where there may be one', () => {
    assert.equal(
      problemOf(() => readArguments(ONE_FILE, ['a', 'b'])),
      'there is more than one FILE; see --help',
    );
  });

  test('what does not go together, beside what is wrong by itself', () => {
    const args = ['--fast', '--runs=x', '--only', 'crow', '--only', 'owl'];
    const asked: unknown[] = [];
    const conflictsIn: Conflicts<typeof SPEC.options> = (values, isGiven) => {
      asked.push(values);
      return (['quick', 'runs', 'only', 'outFile'] as const).filter(isGiven);
    };
    assert.equal(
      problemOf(() => readArguments(SPEC, args, '--help', conflictsIn)),
      'unknown option \'--fast\'; --runs takes a whole number from 1 on, not "x"; --only takes crow or rook, not "owl"; runs; only; see --help',
    );
    assert.equal(
      problemOf(() => readArguments(SPEC, ['--quick', '--out='], '--help', conflictsIn)),
      '--out takes the name of a file; quick; outFile',
    );
    assert.deepEqual(readArguments(SPEC, [], '--help', conflictsIn).options, NOTHING_GIVEN);
    assert.deepEqual(asked, [{ ...NOTHING_GIVEN, only: ['crow'] }, { ...NOTHING_GIVEN, quick: true }, NOTHING_GIVEN]);
  });

  test('with the hint that the caller has, or none', () => {
    assert.equal(
      problemOf(() => readArguments(SPEC, ['--fast'], 'fly --help')),
      "unknown option '--fast'; see fly --help",
    );
    assert.equal(
      problemOf(() => readArguments(SPEC, ['--fast'], '')),
      "unknown option '--fast'",
    );
  });
});

test('numbers end where they should', () => {
  assert.equal(whole(1, 100)('100'), 100);
  for (const text of ['0', '101', '1.5', '1e1', '', ' 1']) {
    assert.throws(() => whole(1, 100)(text), { message: `takes a number from 1 to 100, not "${text}"` });
  }
});

test('one of three words', () => {
  assert.throws(() => oneOf(['a', 'b', 'c'])('d'), { message: 'takes a, b or c, not "d"' });
});

test('the help has a part for options under a heading, and the usage that the command wants', () => {
  const options = { ...under('At night:', { lamp: flag('--lamp', 'with light') }), quick: SPEC.options.quick };
  assert.equal(
    helpOf({ name: 'fly', usage: '[-- options]', about: '', options }),
    `Usage: fly [-- options]

At night:
  --lamp       with light

Options:
  -q, --quick  not far
  -h, --help   show this text
`,
  );
});

test('the help has the usage, every option and command, and what follows', () => {
  assert.equal(
    helpOf(SPEC),
    `Usage: npm run fly -- [options]

Flies.

Options:
  -q, --quick   not far
  -r, --runs N  how often (default: 3)
  --only BIRD   which
  --out FILE    where to
  -h, --help    show this text

Exit code: 0.
`,
  );
  assert.match(helpOf(HOUSE), /^Usage: house \[options\] \[command\]\n[\s\S]*\nCommands:\n {2}status +how it is\n$/);
  assert.match(helpOf(FILES), /^Usage: cat \[options\] \[FILE\.\.\.\]\n/);
});
