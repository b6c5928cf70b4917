import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Point, trendOf } from './trend.ts';

/** Numbers from 0 to 1 that are the same in every run. */
function repeatable(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const SAMPLES = 2_000;
const series = (y: (x: number) => number): Point[] => Array.from({ length: SAMPLES }, (_, x) => ({ x, y: y(x) }));
const whole = (points: readonly Point[]) => trendOf(points, 0, SAMPLES);
const isFlat = (points: readonly Point[]) => {
  const { growth, error } = whole(points) ?? { growth: Number.NaN, error: 0 };
  return Math.abs(growth) <= error;
};

/** Each sample resembles the one before, as memory does between two collections. */
function sluggish(seed: number): (x: number) => number {
  const random = repeatable(seed);
  let last = 0;
  return () => {
    last = 0.9 * last + random() - 0.5;
    return 150 + last;
  };
}

/** Grows and is collected. */
const sawtooth = (period: number) => (x: number) => 40 + ((x * 7) % period) / 10;

const SEEDS = Array.from({ length: 200 }, (_, n) => n + 1);

describe('the line fitted to a series', () => {
  test('is exact on a line, whatever its level', () => {
    const { growth, error, level } = whole(series((x) => 100 + x / 100)) ?? assert.fail();
    assert.ok(Math.abs(growth - 20) < 0.1, `${growth}`);
    assert.ok(error < 0.01, `${error}`);
    assert.equal(level, 110);
  });

  test('sees only the part that it is asked about', () => {
    const points = series((x) => (x < 1_000 ? x : 1_000));
    assert.equal(trendOf(points, 1_000, SAMPLES)?.growth, 0);
  });

  test('is not moved by spikes', () => {
    const points = series((x) => (x % 10 === 0 ? 1e6 : 5));
    assert.equal(whole(points)?.growth, 0);
  });

  test('of noise around a level is flat within its error in all but a few of 200 series', () => {
    const noisy = SEEDS.filter((seed) => {
      const random = repeatable(seed);
      return !isFlat(series(() => 150 + 30 * random()));
    });
    const slow = SEEDS.filter((seed) => !isFlat(series(sluggish(seed))));
    assert.ok(noisy.length <= 6, `of noise ${noisy.length}`);
    assert.ok(slow.length <= 12, `of slow noise ${slow.length}`);
    for (const period of [50, 70, 130]) assert.ok(isFlat(series(sawtooth(period))), `of a sawtooth of ${period}`);
  });

  test('finds a leak beneath the noise in each of 200 series', () => {
    for (const seed of SEEDS) {
      const noise = sluggish(seed);
      assert.ok(!isFlat(series((x) => noise(x) + (5 * x) / SAMPLES)), `seed ${seed}`);
    }
    assert.ok(!isFlat(series((x) => sawtooth(70)(x) + (10 * x) / SAMPLES)));
  });

  test('is none of too few points', () => {
    assert.equal(whole([]), undefined);
    assert.equal(whole(series((x) => x).slice(0, 800)), undefined);
  });

  test('is none of a series that is silent at the end, however many points it has', () => {
    const points = series((x) => x);
    assert.equal(whole(points.slice(0, 1_899)), undefined);
    assert.ok(whole([...points.slice(0, 1_000), ...points.slice(1_900)]));
  });
});
