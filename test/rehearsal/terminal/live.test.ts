import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MarkKind } from '../../../rehearsal/evidence/record.ts';
import type { Followed } from '../../../rehearsal/evidence/recorder.ts';
import { podLines } from '../../../rehearsal/terminal/pod-lines.ts';
import { Screen } from '../../../rehearsal/terminal/screen.ts';
import { type PodView, viewPod } from '../../../testkit/pods.ts';
import { FakeTerminal } from './fake-terminal.ts';

function aPod(name: string, over: Partial<PodView> = {}, times: Followed['times'] = {}): Followed {
  const pod = { ...viewPod({ metadata: { name, uid: name }, spec: { nodeName: 'node-1' } }), ready: true, ...over };
  return { pod, cluster: 'cb', times: { createdMs: 1_000, ...times }, marks: new Map() };
}

const marked = (one: Followed, refused: number): Followed => ({
  ...one,
  marks: new Map<MarkKind, number[]>([
    ['marked', [1]],
    ...(refused === 0 ? [] : [['refused', Array(refused).fill(1)] as [MarkKind, number[]]]),
  ]),
});

describe('the lines of the pods', () => {
  it('tell pod, node, state and age', () => {
    const { node: _, ...nowhere } = aPod('cb-3').pod;
    const pods = [
      aPod('cb-10'),
      marked(aPod('cb-1'), 0),
      marked(aPod('cb-2'), 3),
      { ...aPod('cb-3'), pod: nowhere },
      aPod('cb-4', { ready: false }),
      aPod('cb-5', {}, { terminatingMs: 3 }),
      aPod('cb-6', {}, { goneMs: 3 }),
    ];
    assert.deepEqual(podLines(pods, { nowMs: 66_000, rows: 20 }), [
      'pod    node    state               age',
      'cb-1   node-1  marked              1m5s',
      'cb-2   node-1  marked, refused 3x  1m5s',
      'cb-3   –       pending             1m5s',
      'cb-4   node-1  starting            1m5s',
      'cb-5   node-1  terminating         1m5s',
      'cb-10  node-1  ready               1m5s',
    ]);
  });

  it('leave out those at rest where there is no room for all', () => {
    const plain = { ...aPod('aa'), cluster: undefined };
    const resting = Array.from({ length: 200 }, (_, i) => aPod(`cb-${i}`));
    const pods = [plain, ...resting, marked(aPod('cb-500'), 0), aPod('cb-600', { ready: false })];
    const lines = podLines(pods, { nowMs: 1_000, rows: 5 });
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]),
      ['pod', 'cb-0', 'cb-500', 'cb-600', 'and'],
    );
    assert.equal(lines.at(-1), 'and 200 more');
  });
});

describe('Screen', () => {
  it('keeps its lines below those that scroll by, and redraws them in place', () => {
    const terminal = new FakeTerminal(40, 10);
    const screen = new Screen(terminal);
    screen.write('first');
    screen.show(['a', 'b', 'c']);
    screen.write('second');
    screen.show(['x', 'y']);
    assert.deepEqual(terminal.lines, ['first', 'second', 'x', 'y']);
    assert.equal(terminal.isCursorShown, false);
    screen.stop();
    screen.stop();
    screen.show(['z']);
    screen.write('third');
    assert.deepEqual(terminal.lines, ['first', 'second', 'third']);
    assert.equal(terminal.isCursorShown, true);
  });

  it('cuts what is too wide, and finds its place again in a terminal that became narrower', () => {
    const terminal = new FakeTerminal(10, 10);
    const screen = new Screen(terminal);
    screen.write('first');
    screen.show(['123456789012345', 'b']);
    assert.deepEqual(terminal.lines, ['first', '123456789', 'b']);
    terminal.narrow(5);
    screen.show(['new', 'b']);
    assert.deepEqual(terminal.lines, ['first', 'new', 'b']);
  });
});
