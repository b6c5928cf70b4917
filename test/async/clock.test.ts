import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { timeLimit } from '../../src/async/clock.ts';
import { systemClock } from '../../src/async/system-clock.ts';
import { FakeClock } from '../support/time.ts';

describe('timeLimit', () => {
  test('aborts when the time is over, and not before', async () => {
    const clock = new FakeClock();
    const { signal } = timeLimit(clock, 50);
    await clock.advance(49);
    assert.equal(signal.aborted, false);
    await clock.advance(1);
    assert.equal(signal.reason.name, 'TimeoutError');
  });

  test('aborts with the outer signal, for its reason', () => {
    const outer = new AbortController();
    const { signal } = timeLimit(new FakeClock(), 50, outer.signal);
    const reason = new Error('the answer is due');
    outer.abort(reason);
    assert.equal(signal.reason, reason);
  });

  test('has aborted if the outer signal had', () => {
    const reason = new Error('the answer is due');
    assert.equal(timeLimit(new FakeClock(), 50, AbortSignal.abort(reason)).signal.reason, reason);
  });

  test('closed, it leaves no timer and no listener, and aborts no more', async () => {
    const clock = new FakeClock();
    const outer = new AbortController();
    const limit = timeLimit(clock, 50, outer.signal);
    limit.close();
    assert.equal(clock.timers, 0);
    assert.equal(getEventListeners(outer.signal, 'abort').length, 0);
    outer.abort();
    await clock.advance(50);
    assert.equal(limit.signal.aborted, false);
  });
});

test('the clock of the machine sets no timer for longer than one can be: that would go off at once', (t) => {
  const set = t.mock.method(globalThis, 'setTimeout', () => undefined);
  systemClock.setTimer(() => undefined, 400 * 24 * 3_600_000);
  systemClock.setTimer(() => undefined, 1_000);
  assert.deepEqual(
    set.mock.calls.map(({ arguments: [, ms] }) => ms),
    [2 ** 31 - 1, 1_000],
  );
});
