import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COUCHBASE } from '../../rehearsal/operator/models/couchbase.ts';
import { STRIMZI_KAFKA } from '../../rehearsal/operator/models/strimzi.ts';
import { readOptions } from '../../rehearsal/options.ts';
import { helpText } from '../../rehearsal/usage.ts';
import { periodIn } from '../../rehearsal/venues/new-cluster.ts';
import { UsageError } from '../../src/command-line.ts';

const DEFAULTS = {
  help: false,
  nodes: 3,
  members: 3,
  process: 'in-place',
  controlPlane: false,
  json: false,
  plain: false,
  verbose: false,
};

describe('options of the rehearsal', () => {
  it('have defaults', () => {
    assert.deepEqual(readOptions([]), DEFAULTS);
    assert.deepEqual(readOptions(['--control-plane']), { ...DEFAULTS, controlPlane: true });
  });

  it('are read', () => {
    const options = readOptions(['--nodes=4', '--members', '7', '--process', 'swap', '--period', '1m30s', '-h']);
    const expected = { help: true, nodes: 4, members: 7, process: 'swap', periodMs: 90_000 };
    assert.deepEqual(options, { ...DEFAULTS, ...expected });
    assert.deepEqual(readOptions(['--json', '--plain', '--verbose', '--report=a.html']), {
      ...DEFAULTS,
      json: true,
      plain: true,
      verbose: true,
      report: 'a.html',
    });
  });

  it('name profiles, and then scenarios and a table of both', () => {
    assert.deepEqual(readOptions(['--profile', 'all']), { ...DEFAULTS, profile: 'all' });
    const both = readOptions(['--profile=strimzi-kafka', '--scenario=all', '--table=t.md']);
    assert.deepEqual(both, { ...DEFAULTS, profile: 'strimzi-kafka', scenario: 'all', table: 't.md' });
    assert.equal(readOptions(['--profile=couchbase', '--process=swap']).process, 'swap');
  });

  it('let an operator look as often as it does in life on a control plane, and each second elsewhere', () => {
    assert.deepEqual(
      [COUCHBASE, STRIMZI_KAFKA].map((model) => periodIn({ controlPlane: true }, model)),
      [10_000, 120_000],
    );
    assert.equal(periodIn({ controlPlane: false }, STRIMZI_KAFKA), 1_000);
    assert.equal(periodIn({ controlPlane: true, periodMs: 500 }, STRIMZI_KAFKA), 500);
  });

  const wrong: [string[], RegExp][] = [
    [['--unknown'], /^unknown option '--unknown'; see --help$/],
    [['--nodes', '1'], /^--nodes takes a number from 2 to 100, not "1"$/],
    [['--members', '1e1'], /^--members takes a number/],
    [['--process', 'InPlaceUpgrade'], /^--process takes in-place or swap, not "InPlaceUpgrade"$/],
    [['--period', '10'], /^--period takes a time like 500ms or 10s, not "10"$/],
    [['--period', '0s'], /^--period takes a time/],
    [['--report='], /^--report takes the name of a file$/],
    [['--profile=aerospike', '--process=swap'], /^--process does not go with --profile aerospike: only Couchbase/],
    [['--profile=all', '--table=t.md'], /^--table needs --profile and --scenario$/],
    [['drain'], /^unexpected argument 'drain'; see --help$/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args.join(' ')} in one line`, () => {
      assert.throws(
        () => readOptions(args),
        (error) => error instanceof UsageError && message.test(error.message) && !error.message.includes('\n'),
      );
    });
  }
});

describe('a wrong command line', () => {
  it('is named with everything that is wrong, and with the options that were meant', () => {
    const args = ['--memers=4', '--nodes', '1', '--process=swp', '--json=1', 'drain', '--period'];
    assert.throws(() => readOptions(args), {
      name: UsageError.name,
      message:
        "option '--period TIME' argument missing; unknown option '--memers' (did you mean --members?); " +
        "option '--json' does not take an argument; unexpected argument 'drain'; --nodes takes a number from 2 to 100, " +
        'not "1"; --process takes in-place or swap, not "swp"; see --help',
    });
  });

  it('names each option that does not go with another', () => {
    assert.throws(() => readOptions(['--scenario=swap', '--nodes=4', '--members=4', '--yes']), {
      message:
        '--scenario does not go with --nodes: a scenario has its own; ' +
        '--scenario does not go with --members: a scenario has its own; --yes needs --context',
    });
    assert.throws(() => readOptions(['--scenario=swap', '--nodes=1', '--yes', '--frob']), {
      message:
        'unknown option \'--frob\'; --nodes takes a number from 2 to 100, not "1"; ' +
        '--scenario does not go with --nodes: a scenario has its own; --yes needs --context; see --help',
    });
  });

  it('takes no option for the value of another, and the value of an unknown option for its own', () => {
    assert.throws(() => readOptions(['--report', '--json']), {
      message: "option '--report FILE' argument missing; see --help",
    });
    assert.throws(() => readOptions(['--frob', 'x', '--plain', 'y']), {
      message: "unknown option '--frob'; unexpected argument 'y'; see --help",
    });
  });
});

it('the help describes every option and the exit codes, in lines that fit a terminal', () => {
  const help = helpText('reschedule-hook rehearse');
  for (const option of ['--nodes N', '--observe', '-h, --help', 'Exit code: 0'])
    assert.ok(help.includes(option), option);
  assert.match(help, /^Usage: reschedule-hook rehearse \[options\]\n/);
  assert.match(helpText('kubectl reschedule rehearse'), /^Usage: kubectl reschedule rehearse \[options\]\n/);
  for (const line of help.split('\n')) assert.ok(line.length <= 110, line);
});

const BOTH = ['--context=c', '--node=a', '--node', 'b'];

describe('options of a rehearsal on a cluster that exists', () => {
  it('are read', () => {
    const expected = {
      context: 'c',
      nodes: ['a', 'b'],
      image: 'registry.k8s.io/pause:3.10',
      yes: false,
      observe: false,
    };
    assert.deepEqual(readOptions([...BOTH, '--node=a']).cluster, expected);
    assert.deepEqual(readOptions([...BOTH, '--kubeconfig=k', '--image=i', '--yes']).cluster, {
      ...expected,
      kubeconfig: 'k',
      image: 'i',
      yes: true,
    });
    assert.deepEqual(readOptions(['--context=c', '--observe']).cluster, { ...expected, nodes: [], observe: true });
    assert.equal(readOptions([]).cluster, undefined);
  });

  for (const [args, message] of [
    [['--node=a'], '--node needs --context'],
    [['--observe'], '--observe needs --context'],
    [['--context=c', '--node=a', '--node=a'], /^--context needs --node at least twice/],
    [[...BOTH, '--nodes=3'], '--context does not go together with --nodes'],
    [[...BOTH, '--control-plane'], '--context does not go together with --control-plane'],
    [[...BOTH, '--profile=all'], '--context does not go together with --profile'],
    [[...BOTH, '--observe'], '--observe only watches, and does not go together with --node'],
    [['--context=c', '--observe', '--yes'], '--observe only watches, and does not go together with --yes'],
  ] as const) {
    it(`refuse ${args.join(' ')}`, () => {
      assert.throws(() => readOptions(args), { name: UsageError.name, message });
    });
  }
});
