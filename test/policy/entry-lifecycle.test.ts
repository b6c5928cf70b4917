import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entryKey } from '../../src/policy/entry.ts';
import {
  type EntryObservation,
  entryState,
  GONE_AFTER_MS,
  planEntry,
  viewEntries,
  WITHDRAWN_AFTER_MS,
} from '../../src/policy/entry-lifecycle.ts';
import type { Node } from '../../src/policy/model.ts';
import { aMark, aNode, aPod, aTracker, SETTINGS, without } from '../support/builders.ts';

const entry = { uid: 'uid-a', node: 'node-1' };
const successor = aPod({ uid: 'uid-b', node: 'node-2' });
const node = aNode({ name: 'node-2' });

/** The reconcile table of DESIGN section 5, row by row. */
const TABLE: readonly (readonly [string, EntryObservation, string])[] = [
  ['same UID, marked: waiting', { entry, pod: aPod({ mark: aMark() }), node }, 'waiting'],
  ['same UID, marked, its node gone: waiting', { entry, pod: aPod({ mark: aMark() }) }, 'waiting'],
  ['same UID, not marked: withdrawn', { entry, pod: aPod(), node }, 'withdrawn'],
  [
    'same UID, annotation with another value: withdrawn',
    { entry, pod: aPod({ mark: { matches: false } }), node },
    'withdrawn',
  ],
  ['other UID, not scheduled: unsettled', { entry, pod: without(successor, 'node') }, 'unsettled'],
  [
    'other UID, on a draining node: unsettled',
    { entry, pod: successor, node: aNode({ unschedulable: true }) },
    'unsettled',
  ],
  ['other UID, on a node that is gone: unsettled', { entry, pod: successor }, 'unsettled'],
  ['other UID, terminating: unsettled', { entry, pod: { ...successor, deletionDeadline: 1 }, node }, 'unsettled'],
  ['other UID, settled on a node not draining: rescheduled', { entry, pod: successor, node }, 'rescheduled'],
  ['other UID, settled and marked: rescheduled', { entry, pod: { ...successor, mark: aMark() }, node }, 'rescheduled'],
  ['none: gone', { entry }, 'gone'],
  ['unknown instance (reference), pod marked: waiting', { entry: {}, pod: aPod({ mark: aMark() }), node }, 'waiting'],
  ['unknown instance (reference), settled: rescheduled', { entry: {}, pod: successor, node }, 'rescheduled'],
  [
    'unknown instance (reference), on a draining node: unsettled',
    { entry: {}, pod: successor, node: aNode({ deleting: true }) },
    'unsettled',
  ],
];

describe('entryState: the reconcile table', () => {
  for (const [row, observation, expected] of TABLE) {
    test(row, () => assert.equal(entryState(observation, SETTINGS), expected));
  }

  test('other UID, not Ready although readiness is wanted: unsettled', () => {
    const settings = { ...SETTINGS, replacementCondition: 'ready' as const };
    assert.equal(entryState({ entry, pod: { ...successor, ready: false }, node }, settings), 'unsettled');
    assert.equal(entryState({ entry, pod: successor, node }, settings), 'rescheduled');
  });

  test('other UID, with REPLACEMENT_CONDITION=left: as with scheduled', () => {
    const settings = { ...SETTINGS, replacementCondition: 'left' as const };
    const { node: _unscheduled, ...pending } = successor;
    assert.equal(entryState({ entry, pod: pending, node }, settings), 'unsettled');
    assert.equal(entryState({ entry, pod: { ...successor, ready: false }, node }, settings), 'rescheduled');
  });
});

describe('planEntry: how long each state is kept', () => {
  const dues = [
    ['withdrawn', WITHDRAWN_AFTER_MS],
    ['rescheduled', SETTINGS.retentionMs],
    ['gone', GONE_AFTER_MS],
  ] as const;
  for (const [state, dueMs] of dues) {
    test(`${state}: kept to ${dueMs} ms, then pruned`, () => {
      assert.deepEqual(planEntry({ state }, 0, SETTINGS), { kind: 'keep', state, lookAgainInMs: dueMs });
      assert.deepEqual(planEntry({ state }, dueMs - 1, SETTINGS), { kind: 'keep', state, lookAgainInMs: 1 });
      assert.deepEqual(planEntry({ state }, dueMs, SETTINGS), { kind: 'prune', state });
    });
  }
  test('gone, with a count of returns to a node that still drains: kept', () => {
    assert.deepEqual(planEntry({ state: 'gone', countsReturns: true }, 1e12, SETTINGS), {
      kind: 'keep',
      state: 'gone',
    });
  });

  test('an entry counts returns while its very node is draining', () => {
    const entry = { uid: 'uid-a', node: 'node-1', nodeUid: 'uid-node-1', returns: 1 };
    const counts = (node: Node | undefined, about: object = entry) => {
      const tracker = aTracker({ entries: { [entryKey('db', 'cb-0000')]: JSON.stringify(about) } });
      const lookup = { pod: () => undefined, node: () => node };
      return viewEntries(tracker, lookup, SETTINGS).map(({ countsReturns }) => countsReturns);
    };
    const draining = aNode({ unschedulable: true });
    assert.deepEqual(counts(draining), [true]);
    assert.deepEqual(counts(aNode()), [false]);
    assert.deepEqual(counts({ ...draining, uid: 'another' }), [false]);
    assert.deepEqual(counts(undefined), [false]);
    assert.deepEqual(counts(draining, { uid: 'uid-a', node: 'node-1' }), [false]);
  });
  for (const state of ['waiting', 'unsettled'] as const) {
    test(`${state}: kept for ever, woken by a change`, () => {
      assert.deepEqual(planEntry({ state }, 1e12, SETTINGS), { kind: 'keep', state });
    });
  }
});
