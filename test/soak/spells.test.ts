import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clocksIn, isSpell, plannedMs, SpellLog } from './spells.ts';

const MINUTE_MS = 60_000;

test('the job of each week has an hour of wrong clocks', () => {
  assert.equal(plannedMs('wrong clocks', 330 * MINUTE_MS), 60.5 * MINUTE_MS);
});

test('in less than a cycle none has to be', () => {
  assert.equal(plannedMs('wrong clocks', 29 * MINUTE_MS), 0);
  assert.equal(plannedMs('no bookmarks', 59 * MINUTE_MS), 5 * MINUTE_MS);
});

test('a spell is due from its beginning until its end, in each cycle', () => {
  for (const start of [5, 35]) {
    const at = (minutes: number) => isSpell('wrong clocks', (start + minutes) * MINUTE_MS);
    assert.deepEqual([-0.01, 0, 5.49, 5.5].map(at), [false, true, true, false]);
  }
});

test('a spell is written down from when it was cast until it was ended', () => {
  const log = new SpellLog();
  log.tell('wrong clocks', false, 10);
  log.tell('wrong clocks', true, 20);
  log.tell('no bookmarks', true, 25);
  log.tell('wrong clocks', true, 30);
  log.tell('wrong clocks', false, 40);
  log.tell('wrong clocks', false, 50);
  const wrong = { name: 'wrong clocks', fromMs: 20, toMs: 40 };
  assert.deepEqual(log.until(60), [wrong, { name: 'no bookmarks', fromMs: 25, toMs: 60 }]);
  assert.deepEqual(log.until(70), [wrong, { name: 'no bookmarks', fromMs: 25, toMs: 70 }]);
});

test('two clocks never agree', () => {
  for (let n = 0; n < 20; n++) {
    const [one, other] = clocksIn(n);
    assert.notEqual(one, other);
  }
});
