import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atMostEvery } from '../../src/log/at-most.ts';

test('the first is due at once, and then one in each pause, with how often there was one', () => {
  let now = 5;
  const due = atMostEvery(1_000, () => now);
  assert.equal(due(), 1);
  assert.equal(due(), undefined);
  now = 1_004;
  assert.equal(due(), undefined);
  now = 1_005;
  assert.equal(due(), 3);
  now = 9_000;
  assert.equal(due(), 1);
});
