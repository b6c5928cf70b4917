import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from '../../src/async/turns.ts';
import { FakeClock } from '../support/time.ts';

test('Turns gives way after each slice, and lets everybody wait who comes meanwhile', async () => {
  const clock = new FakeClock();
  const turns = new Turns(clock, 2);
  assert.deepEqual([turns.next(), turns.next()], [undefined, undefined]);
  const waiting = turns.next();
  assert.notEqual(waiting, undefined);
  assert.equal(turns.next(), waiting);
  await waiting;
  assert.equal(clock.turns, 1);
  assert.deepEqual([turns.next(), turns.next()], [undefined, undefined]);
  assert.notEqual(turns.next(), undefined);
});
