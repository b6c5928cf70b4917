import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeTimeInHook, timeInHook } from '../../../rehearsal/scenarios/time-in-hook.ts';

/** An answer that was given so many ms after noon. */
const answer = (atMs: number, durationMs: number) => ({
  message: 'a decision',
  time: new Date(Date.UTC(2026, 0, 1, 12) + atMs).toISOString(),
  decision: 'deny',
  durationMs,
});

describe('the time in the hook', () => {
  it('counts a moment once in which several answers were made', () => {
    // From 10 to 40, within it 20 to 30, overlapping it 35 to 50; and from 90 to 100.
    const lines = [answer(30, 10), answer(40, 30), answer(50, 15), answer(100, 10)];
    assert.deepEqual(timeInHook(lines, 1_000), { answers: 4, sumMs: 65, busyMs: 50, drainMs: 1_000 });
  });

  it('is that of answers only', () => {
    const lines = [answer(30, 10), { message: 'Cache synced', time: '2026-01-01T12:00:00Z', durationMs: 900 }];
    assert.deepEqual(timeInHook(lines, 1_000), { answers: 1, sumMs: 10, busyMs: 10, drainMs: 1_000 });
  });

  it('is told with its share of the drain, where there was one', () => {
    const some = { answers: 2, sumMs: 80, busyMs: 50, drainMs: 1_000 };
    assert.equal(describeTimeInHook(some), '50 ms, 5.0 % of the drain (80 ms for 2 answers one by one)');
    assert.equal(describeTimeInHook(timeInHook([], 0)), '0 ms (0 ms for 0 answers one by one)');
  });
});
