import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { projectPod } from '../../src/cache/projections.ts';
import { next } from '../../src/policy/next.ts';
import { isToBeEvicted } from '../../src/policy/plans/eviction.ts';
import { planStall } from '../../src/policy/plans/stall.ts';
import type { Profile } from '../../src/policy/profiles/profile.ts';
import { isReported, readConditions } from '../../src/policy/profiles/report.ts';
import {
  aMark,
  aNode,
  anObservation,
  aPod,
  aRequest,
  aTracker,
  MINUTE,
  NOW,
  PROFILE,
  SETTINGS,
  type SeenInShort,
} from '../support/builders.ts';

const REPORTS: Profile = { ...PROFILE, names: 'reused', report: { annotation: 'example.com/finished' } };
const settings = { ...SETTINGS, profiles: [REPORTS] };
const ME = 'system:serviceaccount:reschedule-hook-system:reschedule-hook-sa';
const self = { kind: 'present', value: ME, from: 'live' } as const;
const reported = aPod({ mark: aMark(), isReported: true });
const own = aRequest({ uid: 'uid-a', username: ME });

function answer(seen: SeenInShort, profile = REPORTS): string {
  const step = next(anObservation({ profile, self, ...seen }), { ...settings, profiles: [profile] });
  if (step.kind === 'look') return `look at ${step.at}${step.live ? ' live' : ''}`;
  if (step.kind === 'awaitCache') return step.kind;
  return step.kind === 'deny' ? `${step.code} ${step.reason} ${step.message}` : `${step.kind} ${step.reason}`;
}

describe('an eviction by the hook itself', () => {
  const WAITS =
    '429 Waiting Pod waiting to be rescheduled (marked 3m20s ago by reschedule-hook; its operator reports that it may go, and the hook evicts it)';
  for (const [what, seen, expected] of [
    ['of this very instance passes', { pod: reported, request: own }, 'allow OwnEviction'],
    ['only after a live read', { pod: reported, request: own, from: 'cache' }, 'look at pod live'],
    ['only if it is known who asks', { pod: reported, request: own, self: { kind: 'unread' } }, 'look at self live'],
    ['that names no UID waits', { pod: reported, request: aRequest({ username: ME }) }, WAITS],
    ['of another instance is refused', { pod: reported, request: aRequest({ uid: 'uid-b', username: ME }) }, /^409/],
    ['by somebody else waits', { pod: reported, request: aRequest({ uid: 'uid-a' }) }, WAITS],
    ['without a report waits', { pod: aPod({ mark: aMark() }), request: own }, /^429 Waiting .*by reschedule-hook\)$/],
    ['whose mark is gone marks anew', { pod: aPod({ isReported: true }), request: own }, 'mark Marked'],
    ['of a pod that is to be held waits', { pod: { ...reported, policy: 'hold' }, request: own }, WAITS],
  ] as const satisfies readonly (readonly [string, SeenInShort, string | RegExp])[]) {
    test(what, () => {
      if (typeof expected === 'string') assert.equal(answer(seen), expected);
      else assert.match(answer(seen), expected);
    });
  }

  test('of a profile without a report waits, whatever the pod says', () => {
    assert.match(answer({ pod: reported, request: own }, PROFILE), /^429 Waiting .*by reschedule-hook\)$/);
  });
});

describe('the hook evicts a pod', () => {
  const seen = { pod: reported, profile: REPORTS, node: aNode({ unschedulable: true }) };
  const calm = { ...seen, node: aNode() };
  const foreign = { ...aMark(), isForeign: true } as const;
  for (const [what, given, expected] of [
    ['that its operator reports', seen, true],
    ['also without a drain, if the mark is its own', calm, true],
    [
      'of a drain that asks for it, whoever marked it',
      { ...seen, pod: { ...reported, mark: foreign }, isAsked: true },
      true,
    ],
    ['not for a cordon alone, if somebody else marked it', { ...seen, pod: { ...reported, mark: foreign } }, false],
    [
      'not without a drain, if somebody else marked it',
      { ...calm, pod: { ...reported, mark: foreign }, isAsked: true },
      false,
    ],
    ['not without a mark', { ...seen, pod: aPod({ isReported: true }) }, false],
    ['not without a report', { ...seen, pod: aPod({ mark: aMark() }) }, false],
    ['not one that is ending', { ...seen, pod: { ...reported, deletionDeadline: NOW } }, false],
    ['not one that people hold', { ...seen, pod: { ...reported, policy: 'hold' } }, false],
    ['not one whose tracker people hold', { ...seen, tracker: aTracker({ policy: 'hold' }) }, false],
    [
      'not once its drain is over, if the mark will be taken back',
      { ...calm, drainedNode: 'uid-node-1', profile: { ...REPORTS, withdraws: true } },
      false,
    ],
  ] as const) {
    test(what, () => assert.equal(isToBeEvicted(given, settings), expected));
  }

  test('and if it is refused for long, that is reported as a stall', () => {
    const pod = aPod({ mark: aMark(16 * MINUTE), isReported: true });
    const stall = planStall({ ...seen, pod, now: NOW, tracker: aTracker(), markedForMs: 16 * MINUTE }, settings);
    assert.deepEqual(stall, {
      kind: 'stalled',
      hindrance: 'EvictionRefused',
      why: 'was marked over 15m ago and the operator of CouchbaseCluster cb reports that it may go, but its eviction by the hook is refused',
    });
  });
});

describe('a report', () => {
  const slurm = readConditions(['Drained', '!Busy']);
  const is = (type: string, status = 'True') => ({ type, status });
  for (const [what, conditions, expected] of [
    ['all conditions', [is('Drained')], true],
    ['a condition that is not True', [is('Drained', 'Unknown')], false],
    ['none', [], false],
    ['one that must not be there', [is('Drained'), is('Busy')], false],
    ['one that must not be there and is False', [is('Drained'), is('Busy', 'False')], true],
  ] as const) {
    test(`by conditions: ${what}`, () => assert.equal(isReported(slurm, { conditions }), expected));
  }

  test('by an annotation with any value', () => {
    assert.equal(isReported({ annotation: 'a' }, { annotations: { a: '' } }), true);
    assert.equal(isReported({ annotation: 'a' }, { annotations: null }), false);
  });

  test('is read of the pods of its profile alone', () => {
    const metadata = { name: 'p', annotations: { 'example.com/finished': 'x' } };
    const fields = { profiles: [REPORTS], labelKeys: ['app'], annotationKeys: [] };
    const projected = (app: string) => projectPod({ metadata: { ...metadata, labels: { app } } }, fields).isReported;
    assert.deepEqual([projected('couchbase'), projected('other')], [true, undefined]);
  });
});
