import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { RehearsalRecord } from '../../../rehearsal/evidence/record.ts';
import type { Followed } from '../../../rehearsal/evidence/recorder.ts';
import { coloured, fitted } from '../../../rehearsal/terminal/lines.ts';
import { plainOutput, terminalOutput } from '../../../rehearsal/terminal/output.ts';
import { Show } from '../../../rehearsal/terminal/show.ts';
import { summaryOf, totalOf } from '../../../rehearsal/terminal/summary.ts';
import { viewPod } from '../../../testkit/pods.ts';
import { aRecord } from '../report/a-record.ts';
import { FakeTerminal } from './fake-terminal.ts';

const FAILED = { holds: false, checks: [{ what: 'it holds', holds: false, problems: ['it was evicted'] }] };
const BROKE_OFF = { ...FAILED, brokeOff: true } as const;

const titled = (name: string) => ({ name, title: `The ${name}`, about: '' });
const record = (name: string, over: Partial<RehearsalRecord> = {}) => aRecord({}, { scenario: titled(name), ...over });

function aPod(name: string): Followed {
  const pod = { ...viewPod({ metadata: { name, uid: name }, spec: { nodeName: 'node-1' } }), ready: true };
  return { pod, cluster: 'cb', times: { createdMs: 0 }, marks: new Map() };
}

/** What is shown of some scenarios, as plain lines, with a clock that stands where `at` puts it. */
function shown(names: readonly string[], isVerbose = false) {
  const lines: string[] = [];
  let nowMs = 0;
  const output = plainOutput((line) => lines.push(line));
  const show = new Show({ output, scenarios: names.map(titled), atOnce: 2, isVerbose, monotonicNow: () => nowMs });
  const at = (ms: number) => {
    nowMs = ms;
  };
  return { lines, show, at };
}

describe('what is shown of several rehearsals', () => {
  it('is a header, and a line for each with its time and how many have ended', () => {
    const { lines, show, at } = shown(['in-place', 'swap']);
    const [first, second] = ['in-place', 'swap'].map((name) => show.begin(titled(name)));
    first?.log('nobody reads this');
    second?.write('this is important');
    at(14_200);
    show.end(record('swap'));
    at(65_000);
    show.end(record('in-place', { scenario: { ...titled('in-place'), ends: 'waits, then safe' } }));
    assert.deepEqual(lines, [
      'Rehearsing 2 scenarios, 2 at a time',
      'swap     this is important',
      '✔ swap        14s  1 of 2  safe, 2 of 2 checks hold',
      '✔ in-place   1m5s  2 of 2  waits, then safe, 2 of 2 checks hold',
    ]);
  });

  it('has what fails, and the log of that one alone', () => {
    const { lines, show } = shown(['in-place', 'swap', 'large']);
    const [first, second] = ['in-place', 'swap', 'large'].map((name) => show.begin(titled(name)));
    first?.log('a line of in-place');
    second?.log('a line of swap');
    show.end(record('in-place'));
    show.end(record('swap', FAILED));
    show.end(record('large', BROKE_OFF));
    assert.deepEqual(lines.slice(1), [
      '✔ in-place     0s  1 of 3  safe, 2 of 2 checks hold',
      '✘ swap         0s  2 of 3  NOT SAFE, 0 of 1 checks hold',
      '    FAILS  it holds',
      '    problem:             it was evicted',
      '    a line of swap',
      '? large        0s  3 of 3  NOT PROVEN, it broke off',
      '    problem:             it was evicted',
    ]);
  });

  it('is the last of a long log, and all of it while it is written if somebody wants that', () => {
    const log = Array.from({ length: 250 }, (_, i) => `line ${i}`);
    for (const [isVerbose, first, last, count] of [
      [false, '    150 lines more are in the report, or with --verbose', '    line 249', 105],
      [true, 'a line 0', '    problem:             it was evicted', 254],
    ] as const) {
      const { lines, show } = shown(['a', 'b'], isVerbose);
      const view = show.begin(titled('a'));
      for (const line of log) view.log(line);
      show.end(record('a', FAILED));
      assert.ok(lines.includes(first));
      assert.deepEqual([lines.at(-1), lines.length], [last, count]);
    }
  });

  it('ends with how many are safe, not safe and not proven', () => {
    const records = [record('a'), record('b', FAILED), record('c', BROKE_OFF), record('d')];
    assert.equal(totalOf(records), '2 of 4 safe, 1 not safe, 1 not proven');
    assert.equal(totalOf(records.slice(0, 1)), '1 of 1 safe');
  });
});

describe('what is shown of one rehearsal', () => {
  it('is how many checks hold, and what was seen', () => {
    const [verdict, drain] = summaryOf(record('in-place'), '14s');
    assert.equal(verdict, '✔ safe: 2 of 2 checks hold, 14s');
    assert.match(drain ?? '', /^drain of node-1: +safe, \d+s, by /);
  });

  it('is why it is not safe, or that nothing is proven', () => {
    const failed = summaryOf(record('in-place', FAILED), '14s');
    assert.equal(failed[0], '✘ NOT SAFE: 0 of 1 checks hold, 14s');
    assert.deepEqual(failed.slice(-2), ['FAILS  it holds', 'problem:             it was evicted']);
    const broken = summaryOf(record('in-place', { ...BROKE_OFF, drains: [] }), '1s');
    assert.equal(broken[0], '? NOT PROVEN: it broke off, 1s');
    assert.equal(broken.at(-1), 'problem:             it was evicted');
    assert.doesNotMatch(broken.join('\n'), /FAILS|drain of/);
  });

  it('has its log before the summary if it fails', () => {
    const { lines, show } = shown(['in-place']);
    show.begin(titled('in-place')).log('what happened');
    show.end(record('in-place', FAILED));
    assert.deepEqual(lines.slice(0, 3), [
      'Rehearsing: The in-place',
      'what happened',
      '✘ NOT SAFE: 0 of 1 checks hold, 0s',
    ]);
  });
});

describe('on a terminal', () => {
  const onTerminal = (t: TestContext, names: readonly string[], terminal: FakeTerminal) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let nowMs = 0;
    const output = terminalOutput(terminal, { isColoured: false, isLive: true });
    const show = new Show({
      output,
      scenarios: names.map(titled),
      atOnce: 2,
      isVerbose: false,
      monotonicNow: () => nowMs,
      everyMs: 100,
    });
    const wait = (ms: number) => {
      nowMs += ms;
      t.mock.timers.tick(100);
    };
    return { show, wait };
  };

  it('progress and pods stay below, as they are at each moment, until it ends', (t) => {
    const terminal = new FakeTerminal(60, 24);
    const { show, wait } = onTerminal(t, ['in-place'], terminal);
    let pods = [aPod('cb-0')];
    const view = show.begin(titled('in-place'));
    wait(0);
    assert.deepEqual(terminal.lines, ['0 of 1 done · in-place 0s'], 'nothing has begun');
    view.log('it has begun');
    view.follow(() => pods);
    wait(3_000);
    assert.deepEqual(terminal.lines, [
      'Rehearsing: The in-place',
      '0 of 1 done · in-place 3s',
      '',
      'pod   node    state  age',
      'cb-0  node-1  ready  3s',
    ]);
    pods = [{ ...aPod('cb-0'), pod: { ...aPod('cb-0').pod, ready: false } }];
    wait(1_000);
    assert.match(terminal.lines.at(-1) ?? '', /^cb-0 {2}node-1 {2}starting {2}4s$/);
    show.end(record('in-place'));
    show.stop();
    show.stop();
    wait(1_000);
    assert.equal(terminal.lines[1], '✔ safe: 2 of 2 checks hold, 4s');
    assert.doesNotMatch(terminal.lines.join('\n'), /done|cb-0 {2}node/);
    assert.equal(terminal.isCursorShown, true);
  });

  it('several are named in the progress, and none shows its pods', (t) => {
    const terminal = new FakeTerminal(60, 24);
    const { show, wait } = onTerminal(t, ['in-place', 'swap', 'large'], terminal);
    for (const name of ['in-place', 'swap']) show.begin(titled(name)).follow(() => [aPod('cb-0')]);
    show.begin(titled('large')).log('it has begun');
    wait(2_000);
    show.end(record('in-place'));
    wait(1_000);
    assert.deepEqual(terminal.lines.slice(1), [
      '✔ in-place     2s  1 of 3  safe, 2 of 2 checks hold',
      '1 of 3 done · swap 3s · large 3s',
    ]);
  });

  it('that does not know its size is taken for one of the usual size', (t) => {
    const terminal = new FakeTerminal(0, 0);
    const { show } = onTerminal(t, ['in-place'], terminal);
    const view = show.begin(titled('in-place'));
    for (const _ of [1, 2]) view.follow(() => [aPod('cb-0'), aPod('cb-1')]);
    assert.equal(terminal.lines.length, 5);
  });

  it('lines fit, and nothing of them is lost', () => {
    const text = '    problem:             cb-0002 (12345678) was evicted, not moved by its operator';
    const lines = fitted(text, 40);
    assert.ok(
      lines.every((line) => line.length <= 40),
      lines.join('\n'),
    );
    assert.equal(lines.join(' ').replaceAll(/ +/g, ' ').trim(), text.replaceAll(/ +/g, ' ').trim());
    assert.deepEqual(fitted('short', 40), ['short']);
    assert.deepEqual(fitted('x'.repeat(50), 40), ['x'.repeat(50)]);
    assert.deepEqual(fitted('a b', 1), ['a b']);
    const terminal = new FakeTerminal(40, 24);
    terminalOutput(terminal, { isColoured: false, isLive: false }).write(text);
    assert.deepEqual(terminal.lines, lines);
  });

  it('a sign and a word say what a colour says', () => {
    assert.equal(coloured('✔ swap  safe'), '\u001b[32m✔\u001b[39m swap  safe');
    assert.equal(coloured('✘ a  NOT SAFE, 1'), '\u001b[31m✘\u001b[39m a  \u001b[31mNOT SAFE\u001b[39m, 1');
    assert.equal(coloured('? a  NOT PROVEN'), '\u001b[33m?\u001b[39m a  \u001b[33mNOT PROVEN\u001b[39m');
    assert.equal(coloured('    FAILS  x'), '\u001b[31m    FAILS\u001b[39m  x');
    assert.equal(coloured('moves per pod: 1'), 'moves per pod: 1');
  });
});
