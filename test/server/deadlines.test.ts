import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answerWithinMs, Deadlines } from '../../src/server/deadlines.ts';
import { FakeClock } from '../support/time.ts';

function aDeadlines() {
  const clock = new FakeClock();
  return { clock, deadlines: new Deadlines(clock) };
}

describe('Deadlines', () => {
  test('each is due at its own time, and not a moment before', async () => {
    const { clock, deadlines } = aDeadlines();
    const [late, soon] = [deadlines.open(3_000), deadlines.open(1_000)];
    await clock.advance(999);
    assert.deepEqual([late.signal.aborted, soon.signal.aborted], [false, false]);
    await clock.advance(1);
    assert.deepEqual([late.signal.aborted, soon.signal.aborted], [false, true]);
    await clock.advance(1_999);
    assert.equal(late.signal.aborted, false);
    await clock.advance(1);
    assert.equal(late.signal.aborted, true);
    assert.match(String(late.signal.reason), /the answer is due/);
  });

  test('nothing happens to one that is closed', async () => {
    const { clock, deadlines } = aDeadlines();
    const deadline = deadlines.open(1_000);
    deadline.close();
    await clock.advance(2_000);
    deadlines.hurry();
    assert.equal(deadline.signal.aborted, false);
  });

  test('no timer is left of those that are closed', () => {
    const { clock, deadlines } = aDeadlines();
    const open = Array.from({ length: 100 }, () => deadlines.open(1_000));
    assert.equal(clock.timers, 100);
    for (const deadline of open) deadline.close();
    assert.equal(clock.timers, 0);
  });

  test('hurry makes those in hand due, and those to come', () => {
    const { deadlines } = aDeadlines();
    const open = deadlines.open(1_000);
    deadlines.hurry();
    assert.match(String(open.signal.reason), /the process is stopping/);
    assert.equal(deadlines.open(1_000).signal.aborted, true);
  });
});

describe('answerWithinMs', () => {
  for (const [query, expected] of [
    ['?timeout=10s', 7_000],
    ['?timeout=5s', 3_500],
    ['?timeout=1s', 700],
    ['?timeout=500ms', 350],
    ['?timeout=1.5s', 1_050],
    ['?timeout=30s', 27_000],
    ['?timeout=1m0s', 27_000],
    ['?timeout=10m', 27_000],
    ['?timeout=0s', 7_000],
    ['?timeout=', 7_000],
    ['?timeout=-5s', 7_000],
    ['?timeout=soon', 7_000],
    ['?timeout=5', 7_000],
    ['?timeout=5s&timeout=6s', 7_000],
    ['?a=b&timeout=5s', 3_500],
    ['?timeout=%35s', 3_500],
    ['?', 7_000],
    ['', 7_000],
  ] as const) {
    test(`${query}: ${expected} ms`, () => assert.equal(answerWithinMs(`/eviction${query}`), expected));
  }
});
