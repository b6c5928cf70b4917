import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Backoff, REFLECTOR_BACKOFF } from '../../src/informer/backoff.ts';

const OPTIONS = { firstMs: 100, maxMs: 1_000, resetAfterMs: 5_000 };

describe('Backoff', () => {
  test('doubles up to the maximum and stays there', () => {
    const backoff = new Backoff(OPTIONS, { monotonicNow: () => 0 }, () => 0);
    const delays = Array.from({ length: 6 }, () => backoff.next());
    assert.deepEqual(delays, [100, 200, 400, 800, 1_000, 1_000]);
  });

  test('adds up to as much again, never more than the maximum', () => {
    const backoff = new Backoff(OPTIONS, { monotonicNow: () => 0 }, () => 0.5);
    const delays = Array.from({ length: 5 }, () => backoff.next());
    assert.deepEqual(delays, [150, 300, 600, 1_000, 1_000]);
  });

  test('starts over after a healthy while, which begins when the delay is over', () => {
    let now = 0;
    const backoff = new Backoff(OPTIONS, { monotonicNow: () => now }, () => 0);
    backoff.next();
    now = 100 + 5_000;
    assert.equal(backoff.next(), 200, 'at the very end of the while it still is one series');
    now += 200 + 5_001;
    assert.equal(backoff.next(), 100);
  });

  test("the reflector's own runs from 0.8 to 30 s and forgets after two healthy minutes", () => {
    assert.deepEqual(REFLECTOR_BACKOFF, { firstMs: 800, maxMs: 30_000, resetAfterMs: 120_000 });
  });

  test('is never shorter than the first step nor longer than the maximum', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ random: fc.double({ min: 0, max: 0.999, noNaN: true }), gap: fc.nat(20_000) })),
        (steps) => {
          let now = 0;
          let random = 0;
          const backoff = new Backoff(OPTIONS, { monotonicNow: () => now }, () => random);
          for (const step of steps) {
            now += step.gap;
            random = step.random;
            const delay = backoff.next();
            assert.ok(delay >= OPTIONS.firstMs && delay <= OPTIONS.maxMs, `${delay}`);
          }
        },
      ),
    );
  });
});
