import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clockOf, ServerTime, servedAtOf } from '../../src/kube/server-time.ts';
import { FakeClock } from '../support/time.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-06-01T00:00:00Z');

/** A machine whose clock is ahead of the API server's by so much. */
function aMachine(aheadMs: number) {
  const clock = new FakeClock();
  clock.epoch = NOW + aheadMs;
  const time = new ServerTime(clock);
  /** One call that has just ended; `oddMs`: what says the time is off by so much. */
  const call = ({ code = 200, durationMs = 0, oddMs = 0 } = {}) => {
    const servedAt = Math.floor((clock.now() - aheadMs + oddMs) / 1000) * 1000;
    time.onCall({ code, durationMs, servedAt });
  };
  const isRight = (now = NOW + clock.monotonicNow()) => Math.abs(time.now() - now) <= 2_000;
  return { clock, time, call, isRight };
}

describe('ServerTime', () => {
  for (const hours of [2, -400 * 24]) {
    test(`of a machine whose clock is ${hours} hours ahead: the API server's, from the first response on`, async () => {
      const { clock, time, call, isRight } = aMachine(hours * HOUR);
      assert.equal(time.now(), clock.now());
      assert.ok(Number.isNaN(time.aheadMs()));
      call();
      assert.ok(isRight());
      assert.ok(Math.abs(time.aheadMs() - hours * HOUR) <= 1_000);
      await clock.advance(HOUR);
      assert.ok(isRight());
    });
  }

  test('is the clock of the machine where the two agree but for what cannot be measured', async () => {
    const { clock, time, call } = aMachine(0);
    call();
    const apart = time.now() - clock.now();
    for (let i = 0; i < 20; i++) {
      await clock.advance(333);
      call({ durationMs: 1_500 });
      assert.equal(time.now() - clock.now(), apart, 'and it does not jump');
    }
    assert.ok(Math.abs(time.aheadMs()) <= 1_500);
  });

  test('four odd responses of nine change nothing; from five on they are the truth', () => {
    const { call, isRight, time } = aMachine(2 * HOUR);
    for (let i = 0; i < 9; i++) call();
    for (let i = 0; i < 4; i++) {
      call({ oddMs: i % 2 === 0 ? -9 * HOUR : 9 * HOUR });
      assert.ok(isRight(), `after ${i + 1}`);
    }
    for (let i = 0; i < 9; i++) call({ oddMs: 5 * HOUR });
    assert.ok(Math.abs(time.aheadMs() + 3 * HOUR) <= 1_000, 'the API server itself has jumped, or is another one');
  });

  test('of two responses, the one that is closer to the clock of the machine counts', () => {
    const { call, isRight } = aMachine(0);
    call({ oddMs: 9 * HOUR });
    call();
    assert.ok(isRight());
  });

  test('a clock that jumps after the first response changes nothing but what is measured', () => {
    const { clock, time, call, isRight } = aMachine(0);
    call();
    clock.epoch += HOUR;
    assert.ok(isRight());
    assert.ok(Math.abs(time.aheadMs() - HOUR) <= 1_000);
  });

  test('where all calls are slow, one tells of a clock that is off by more than it explains', () => {
    const { call, isRight, time } = aMachine(400 * 24 * HOUR);
    call({ durationMs: 2_500 });
    assert.ok(isRight());
    assert.ok(Number.isNaN(time.aheadMs()), 'but that is no measurement');
    call({ durationMs: 25_000, oddMs: -10_000 });
    assert.ok(isRight(), 'a slower one explains the difference');
    call();
    assert.ok(Math.abs(time.aheadMs() - 400 * 24 * HOUR) <= 1_000);
    call({ durationMs: 2_500, oddMs: 9 * HOUR });
    assert.ok(isRight(), 'it says nothing any more');
  });

  test('of a clock that is right, slow calls change nothing', () => {
    const { clock, call, time } = aMachine(0);
    for (const durationMs of [2_500, 10_000, 29_000]) {
      call({ durationMs });
      assert.equal(time.now(), clock.now());
    }
  });

  test('what may come from something in between says nothing', () => {
    const { clock, time, call } = aMachine(HOUR);
    for (const code of [0, 302, 401, 403, 407, 429, 502, 503]) call({ code });
    time.onCall({ code: 200, durationMs: 0 });
    assert.equal(time.now(), clock.now());
  });

  test('is `now` of a clock that is otherwise the same', async () => {
    const { clock, time, call } = aMachine(HOUR);
    call();
    const own = clockOf(time, clock);
    let hasFired = false;
    own.setTimer(() => {
      hasFired = true;
    }, 50);
    await clock.advance(50);
    assert.deepEqual([own.now(), own.monotonicNow(), hasFired], [time.now(), clock.monotonicNow(), true]);
  });
});

test('when a response was written: by its Date, unless a cache gave it', () => {
  const date = 'Mon, 01 Jun 2026 00:00:00 GMT';
  assert.equal(servedAtOf({ date }), NOW);
  assert.equal(servedAtOf({ date, age: '0' }), undefined);
  assert.equal(servedAtOf({ date: 'rubbish' }), undefined);
  assert.equal(servedAtOf({ date: [date, date] }), undefined);
  assert.equal(servedAtOf({}), undefined);
});
