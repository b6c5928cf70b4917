import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatAge, parseDuration } from '../../src/policy/duration.ts';

describe('durations', () => {
  for (const [text, ms] of [
    ['0s', 0],
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
  ] as const) {
    test(`${text} is ${ms} ms`, () => assert.equal(parseDuration(text), ms));
  }
  for (const text of ['', '15', 'm', '1.5h', '-1s', '1d', ' 1s', '1s ', '9'.repeat(30).concat('h')]) {
    test(`${JSON.stringify(text)} is refused`, () => assert.throws(() => parseDuration(text), /duration/));
  }
  for (const [ms, text] of [
    [-5, '0s'],
    [999, '0s'],
    [200_000, '3m20s'],
    [900_000, '15m'],
    [7_500_000, '2h5m'],
    [3_603_000, '1h'],
    [273_600_000, '3d4h'],
  ] as const) {
    test(`${ms} ms is written ${text}`, () => assert.equal(formatAge(ms), text));
  }
});
