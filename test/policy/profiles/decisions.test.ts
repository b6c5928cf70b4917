import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { next } from '../../../src/policy/next.ts';
import type { Observation } from '../../../src/policy/observation.ts';
import { planStall } from '../../../src/policy/plans/stall.ts';
import type { Profile } from '../../../src/policy/profiles/profile.ts';
import {
  aMark,
  aNode,
  anObservation,
  aPod,
  aTracker,
  MINUTE,
  NOW,
  PROFILE,
  SETTINGS,
  type SeenInShort,
} from '../../support/builders.ts';

const seenBy = (profile: Partial<Profile>, seen: SeenInShort = {}): Observation =>
  anObservation({ ...seen, profile: { ...PROFILE, ...profile } });

/** The mark that is decided on. */
function markOf(profile: Partial<Profile>, seen: SeenInShort = {}) {
  const step = next(seenBy(profile, seen), SETTINGS);
  assert.equal(step.kind, 'mark');
  if (step.kind !== 'mark') throw new Error('no mark');
  return step;
}

describe('what a profile says of a decision', () => {
  test('the annotation, made for this instance', () => {
    const mark = { key: 'example.com/move', value: '{now}/{uid}', match: 'present' } as const;
    const value = '2026-01-01T12:00:00Z/uid-a';
    assert.deepEqual(markOf({ mark }).annotation, { key: 'example.com/move', value, ifUnchanged: true });
    const exact = { key: 'example.com/move', value: '{uid}', match: 'exact' } as const;
    assert.deepEqual(markOf({ mark: exact }).annotation, { key: 'example.com/move', value: 'uid-a' });
  });

  for (const [names, reusesNames, isWritten] of [
    ['byTracker', true, true],
    ['byTracker', false, false],
    ['reused', false, true],
    ['either', false, true],
    ['new', true, false],
  ] as const) {
    test(`an entry: names ${names}, and the tracker says ${reusesNames ? 'reused' : 'new'}`, () => {
      const { entryOn } = markOf({ names }, { tracker: aTracker({ reusesNames }) });
      assert.equal(entryOn !== undefined, isWritten);
    });
  }

  test('a name that may or may not come back is released like any other, once the next instance has settled', () => {
    const successor = aPod({ uid: 'uid-b', node: 'node-2' });
    const entry = { uid: 'uid-a', node: 'node-1', at: NOW - MINUTE };
    const node = aNode({ name: 'node-2' });
    const step = next(seenBy({ names: 'either' }, { pod: successor, entry, node }), SETTINGS);
    assert.equal(step.kind === 'deny' && step.reason, 'Rescheduled');
  });

  test('how long its operator has', () => {
    const pod = aPod({ mark: aMark(20 * MINUTE) });
    for (const [stallAfterMs, reason] of [
      [15 * MINUTE, 'Stalled'],
      [75 * MINUTE, 'Waiting'],
    ] as const) {
      const step = next(seenBy({ stallAfterMs }, { pod }), SETTINGS);
      assert.equal(step.kind === 'deny' && step.reason, reason);
      const profile = { ...PROFILE, stallAfterMs };
      const plan = planStall({ now: NOW, pod, profile, markedForMs: 0 }, SETTINGS);
      assert.equal(plan.kind, reason === 'Stalled' ? 'stalled' : 'lookAgain');
    }
  });

  test('returns to a draining node are counted by name, unless names are new', () => {
    const node = aNode({ unschedulable: true, taintedAt: { 'node.kubernetes.io/unschedulable': NOW - 9 * MINUTE } });
    const pod = aPod({ uid: 'uid-c', boundAt: NOW - MINUTE });
    const others = Object.fromEntries([
      [
        'reschedule.hook/db.cb-0009',
        JSON.stringify({
          uid: 'u',
          node: 'node-1',
          nodeUid: 'uid-node-1',
          at: new Date(NOW - 2 * MINUTE).toISOString(),
          returns: 1,
        }),
      ],
    ]);
    const tracker = aTracker({ entries: others });
    const reasonWith = (names: Profile['names']) => {
      const step = next(seenBy({ names }, { pod, node, tracker }), SETTINGS);
      return 'reason' in step ? step.reason : step.kind;
    };
    assert.equal(reasonWith('new'), 'ComesBack');
    assert.equal(reasonWith('reused'), 'Marked');
  });
});
