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
  const HELD = WAITS.replace('the hook evicts it', 'reschedule.hook/policy says hold');
  for (const [what, seen, expected] of [
    ['of this very instance passes', { pod: reported, request: own }, 'allow OwnEviction'],
    ['only after a live read', { pod: reported, request: own, from: 'cache' }, 'look at pod live'],
    ['only if it is known who asks', { pod: reported, request: own, self: { kind: 'unread' } }, 'look at self live'],
    ['that names no UID waits', { pod: reported, request: aRequest({ username: ME }) }, WAITS],
    ['of another instance is refused', { pod: reported, request: aRequest({ uid: 'uid-b', username: ME }) }, /^409/],
    ['by somebody else waits', { pod: reported, request: aRequest({ uid: 'uid-a' }) }, WAITS],
    ['without a report waits', { pod: aPod({ mark: aMark() }), request: own }, /^429 Waiting .*by reschedule-hook\)$/],
    ['whose mark is gone marks anew', { pod: aPod({ isReported: true }), request: own }, 'mark Marked'],
    ['of a pod that is to be held waits', { pod: { ...reported, policy: 'hold' }, request: own }, HELD],
    [
      'of a pod whose annotation is mistyped waits, and the answer has its value',
      { pod: { ...reported, policy: 'hold', policyValue: 'Ignore' }, request: own },
      HELD.replace('says hold', 'is "Ignore", which is neither ignore nor hold and counts as hold'),
    ],
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
      'that a drainer waits for, whoever marked it',
      { ...seen, isAwaited: true, pod: { ...reported, mark: foreign } },
      true,
    ],
    ['not for a cordon alone, if somebody else marked it', { ...seen, pod: { ...reported, mark: foreign } }, false],
    [
      'not without a drain, whoever has asked',
      { ...calm, isAwaited: true, pod: { ...reported, mark: foreign } },
      false,
    ],
    ['not without a drain, if somebody else marked it', { ...calm, pod: { ...reported, mark: foreign } }, false],
    ['not without a mark', { ...seen, pod: aPod({ isReported: true }) }, false],
    ['not without a report', { ...seen, pod: aPod({ mark: aMark() }) }, false],
    ['not one that is ending', { ...seen, pod: { ...reported, deletionDeadline: NOW } }, false],
    ['not one that people hold', { ...seen, pod: { ...reported, policy: 'hold' } }, false],
    ['not one whose tracker people hold', { ...seen, tracker: aTracker({ policy: 'hold' }) }, false],
    ['not once its drain is over', { ...calm, drainedNode: 'uid-node-1' }, false],
    [
      'nor if the mark will be taken back',
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

test('a pod that people hold is not reported as one whose eviction is refused', () => {
  const pod = aPod({ mark: aMark(16 * MINUTE), isReported: true, policy: 'hold' });
  const stall = planStall({ now: NOW, pod, profile: REPORTS, markedForMs: 16 * MINUTE }, settings);
  assert.ok(stall.kind === 'stalled');
  assert.equal(stall.hindrance, 'Held');
  assert.match(stall.why, /reports that it may go, but reschedule\.hook\/policy says hold$/);
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

  for (const [what, by, reportedAt, expected] of [
    ['after the mark', 'reschedule-hook', NOW + 1_000, true],
    ['a little before it, by another clock', 'reschedule-hook', NOW - 10_000, true],
    ['for an earlier mark of the hook', 'reschedule-hook', NOW - MINUTE, undefined],
    ['before somebody else wrote the mark again', 'tool', NOW - MINUTE, true],
  ] as const) {
    test(`by an annotation that was written ${what}`, () => {
      const [{ key }] = [REPORTS.mark ?? { key: '' }];
      const annotations = { [key]: 'true', 'example.com/finished': 'x' };
      const wrote = (manager: string, at: number, annotation: string) => ({
        manager,
        time: new Date(at).toISOString(),
        fieldsV1: { 'f:metadata': { 'f:annotations': { [`f:${annotation}`]: {} } } },
      });
      const managedFields = [wrote(by, NOW, key), wrote('operator', reportedAt, 'example.com/finished')];
      const metadata = { name: 'p', labels: { app: 'couchbase' }, annotations, managedFields };
      const pod = projectPod({ metadata }, { profiles: [REPORTS], labelKeys: ['app'], annotationKeys: [] });
      assert.equal(pod.isReported, expected);
    });
  }
});

describe('a pod that somebody else has marked, and that the hook will evict', () => {
  const foreign = { ...aMark(), by: 'slurm', isForeign: true } as const;
  const pod = aPod({ mark: foreign });
  const entry = { uid: 'uid-a', node: 'node-1', nodeUid: 'uid-node-1', at: NOW - MINUTE };
  const WAITS = 'Pod waiting to be rescheduled (marked 3m20s ago by slurm)';

  test('gets an entry, and no annotation', () => {
    const step = next(anObservation({ profile: REPORTS, self, pod }), settings);
    assert.ok(step.kind === 'mark');
    assert.deepEqual(
      [step.reason, step.annotation, step.entryOn?.name, step.message],
      ['Remembered', undefined, 'cb', WAITS],
    );
  });

  test('once', () => assert.equal(answer({ pod, entry }), `429 Waiting ${WAITS}`));

  test('none if its name does not come back, or if the hook does not evict it', () => {
    assert.equal(answer({ pod }, { ...REPORTS, names: 'new' }), `429 Waiting ${WAITS}`);
    assert.equal(answer({ pod }, { ...PROFILE, names: 'reused' }), `429 Waiting ${WAITS}`);
  });

  test('is not waited for any more once it has come back to its draining node twice', () => {
    const back = aPod({ uid: 'uid-b', mark: foreign, boundAt: NOW - MINUTE });
    const node = aNode({ unschedulable: true, taintedAt: { 'node.kubernetes.io/unschedulable': NOW - 2 * MINUTE } });
    assert.equal(answer({ pod: back, node, entry }), 'mark Remembered');
    assert.match(answer({ pod: back, node, entry: { ...entry, returns: 1 } }), /^429 ComesBack /);
  });
});
