import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entryKey } from '../../../src/policy/entry.ts';
import type { Mark } from '../../../src/policy/model.ts';
import { CALM_MS, type DrainObservation, isDrainOver, withdrawInMs } from '../../../src/policy/plans/withdrawal.ts';
import { aMark, aNode, aPod, aTracker, NOW, PROFILE, SETTINGS } from '../../support/builders.ts';

const profile = { ...PROFILE, withdraws: true };
const trackerWith = (entry: object) =>
  aTracker({ entries: { [entryKey('db', 'cb-0000')]: JSON.stringify({ at: new Date(NOW).toISOString(), ...entry }) } });
const OF_POD = { uid: 'uid-a', node: 'node-1', nodeUid: 'uid-node-1' };

/** A pod that the hook marked for a drain of its node, which somebody has uncordoned since. */
const over: DrainObservation = {
  pod: aPod({ mark: aMark() }),
  profile,
  node: aNode(),
  tracker: trackerWith(OF_POD),
};
const marked = (mark: Mark) => aPod({ mark });

describe('isDrainOver', () => {
  const cases: readonly (readonly [string, Partial<DrainObservation>, boolean])[] = [
    ['its entry says that the node was draining', {}, true],
    ['this process saw the node draining', { tracker: aTracker(), drainedNode: 'uid-node-1' }, true],
    [
      'this process saw it, after a mark on a calm node',
      { tracker: trackerWith({ ...OF_POD, draining: false }), drainedNode: 'uid-node-1' },
      true,
    ],
    ['the node has never been draining', { tracker: trackerWith({ ...OF_POD, draining: false }) }, false],
    ['nobody knows whether it was', { tracker: aTracker() }, false],
    ['the entry is about another instance', { tracker: trackerWith({ ...OF_POD, uid: 'uid-b' }) }, false],
    ['the entry names another node', { tracker: trackerWith({ ...OF_POD, node: 'node-2' }) }, false],
    [
      'the node was gone when the pod was marked, and one of its name came since',
      { tracker: trackerWith({ uid: 'uid-a', node: 'node-1', draining: true }) },
      false,
    ],
    ['the node was replaced under its name', { node: aNode({ uid: 'uid-new' }) }, false],
    ['it was, and another one of its name was seen draining', { tracker: aTracker(), drainedNode: 'uid-old' }, false],
    ['the entry is of another installation', { tracker: trackerWith({ ...OF_POD, hook: 'other' }) }, false],
    ['the node is cordoned', { node: aNode({ unschedulable: true }) }, false],
    ['the node has a taint of a drain', { node: aNode({ taints: ['karpenter.sh/disrupted'] }) }, false],
    ['the node is being deleted', { node: aNode({ deleting: true }) }, false],
    ['the profile takes no marks back', { profile: PROFILE }, false],
    ['the pod is not marked', { pod: aPod() }, false],
    ['its mark has another value', { pod: marked({ ...aMark(), matches: false }) }, false],
    ['somebody else made the mark', { pod: marked({ matches: true, by: 'kubectl', isForeign: true }) }, false],
    ['somebody else applies it, too', { pod: marked({ ...aMark(), isShared: true }) }, false],
    ['nobody knows who made the mark', { pod: marked({ matches: true }) }, false],
    ['its operator has begun: it is terminating', { pod: aPod({ mark: aMark(), deletionDeadline: NOW }) }, false],
    ['it is finished', { pod: aPod({ mark: aMark(), finishedAt: NOW }) }, false],
  ];
  for (const [when, changed, expected] of cases) {
    test(`${expected ? 'yes' : 'no'}: ${when}`, () =>
      assert.equal(isDrainOver({ ...over, ...changed }, SETTINGS), expected));
  }

  test('no: the cache does not know the node', () => {
    const { node: _, ...rest } = over;
    assert.equal(isDrainOver(rest, SETTINGS), false);
  });
});

describe('withdrawInMs', () => {
  const reports = (word: string) => ({ kind: 'Kafka', name: 'k', word });

  test('not before the node has been calm for a while', () => {
    assert.equal(withdrawInMs({}, undefined, 0), CALM_MS);
    assert.equal(withdrawInMs({}, undefined, CALM_MS - 1), 1);
    assert.equal(withdrawInMs({}, undefined, CALM_MS), 0);
  });

  test('twice as long after each mark that was taken back, but an hour at most', () => {
    assert.deepEqual(
      [1, 2, 7, 8, 2_000].map((takenBack) => withdrawInMs({ takenBack }, undefined, 0)),
      [30_000, 60_000, 1_920_000, 3_600_000, 3_600_000],
    );
  });

  test('not while the operator reports anything but that it is paused', () => {
    for (const word of ['Paused', 'ReconciliationPaused']) {
      assert.equal(withdrawInMs({ tracker: aTracker({ hindrance: word }) }, reports(word), CALM_MS), 0);
    }
    assert.ok(withdrawInMs({ tracker: aTracker({ hindrance: 'Rebalancing' }) }, undefined, CALM_MS) > 0);
    assert.ok(withdrawInMs({ tracker: aTracker({ hindrance: 'Paused' }) }, reports('NotReady'), CALM_MS) > 0);
  });
});
