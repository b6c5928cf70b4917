import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StateDurations } from '../../src/controller/state-durations.ts';

function aSince() {
  const clock = { now: 0 };
  return { clock, since: new StateDurations({ monotonicNow: () => clock.now }) };
}

describe('StateDurations', () => {
  test('says for how long a subject has been in its state', () => {
    const { clock, since } = aSince();
    assert.equal(since.heldMs('a', 'x'), 0);
    clock.now = 5;
    assert.equal(since.heldMs('a', 'x'), 5);
    assert.equal(since.heldMs('b', 'x'), 0);
  });

  test('another state begins anew, also when it is one from before', () => {
    const { clock, since } = aSince();
    since.heldMs('a', 'x');
    clock.now = 5;
    assert.equal(since.heldMs('a', 'y'), 0);
    clock.now = 9;
    assert.equal(since.heldMs('a', 'x'), 0);
  });

  test('what is forgotten, or not kept, begins anew', () => {
    const { clock, since } = aSince();
    for (const subject of ['a', 'b', 'c']) since.heldMs(subject, 'x');
    clock.now = 5;
    since.forget('a');
    since.keepOnly(new Set(['a', 'b']));
    const held = ['a', 'b', 'c'].map((subject) => since.heldMs(subject, 'x'));
    assert.deepEqual(held, [0, 5, 0]);
  });
});
