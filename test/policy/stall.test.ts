import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { planStall } from '../../src/policy/stall.ts';
import { aMark, aPod, MINUTE, SETTINGS } from '../support/builders.ts';

describe('planStall', () => {
  const marked = aPod({ mark: aMark() });
  const cases = [
    ['just under STALL_AFTER', marked, 15 * MINUTE - 1, { kind: 'lookAgain', inMs: 1 }],
    ['at STALL_AFTER', marked, 15 * MINUTE, { kind: 'stalled' }],
    ['not marked', aPod(), 60 * MINUTE, { kind: 'notWaiting' }],
    ['terminating: its operator acts', { ...marked, deletionDeadline: 1 }, 60 * MINUTE, { kind: 'notWaiting' }],
  ] as const;
  for (const [when, pod, markedForMs, expected] of cases) {
    test(when, () => assert.deepEqual(planStall(pod, markedForMs, SETTINGS), expected));
  }
});
