import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeEntry, entryKey } from '../../src/policy/entry.ts';
import type { Entry, Pod, Tracker } from '../../src/policy/model.ts';
import { next } from '../../src/policy/next.ts';
import type { Source } from '../../src/policy/observation.ts';
import { groupKey, groupSelector, podsOfGroup } from '../../src/policy/profiles/group.ts';
import type { Profile } from '../../src/policy/profiles/profile.ts';
import { formatSelector } from '../../src/policy/selector.ts';
import {
  aMark,
  anObservation,
  aPod,
  aRequest,
  aTracker,
  NOW,
  PROFILE,
  SETTINGS,
  type SeenInShort,
  sightingOf,
} from '../support/builders.ts';

const LIMITED: Profile = { ...PROFILE, names: 'reused', maxConcurrent: { pods: 1, by: ['couchbase_cluster'] } };
const TWO: Profile = { ...LIMITED, maxConcurrent: { pods: 2, by: ['couchbase_cluster'] } };
const TARGET = aPod();
const member = (i: number, overrides: Partial<Pod> = {}) =>
  aPod({ name: `cb-000${i}`, uid: `uid-${i}`, node: 'node-2', ...overrides });
const KEY = groupKey(LIMITED, TARGET);

/** A tracker with the entries of some pods, all of the group unless they say another one. */
function withEntries(entries: Record<string, Entry>, more: Partial<Tracker> = {}): Tracker {
  const written = Object.entries(entries).map(([pod, entry]) => [
    entryKey('db', pod),
    encodeEntry({ namespace: 'db', pod, uid: '', at: NOW, group: KEY, groupSize: 3, ...entry }),
  ]);
  return aTracker({ entries: Object.fromEntries(written), ...more });
}

function decide(
  group: readonly Pod[],
  { profile = LIMITED, groupFrom = 'live', ...seen }: SeenInShort & { groupFrom?: Source } = {},
) {
  const settings = { ...SETTINGS, profiles: [profile] };
  const sighting = sightingOf(podsOfGroup(TARGET, profile, [TARGET, ...group]), groupFrom);
  return next(anObservation({ profile, group: sighting, ...seen }), settings);
}

const answer = (...args: Parameters<typeof decide>) => {
  const step = decide(...args);
  return step.kind === 'deny' ? `${step.code} ${step.reason} ${step.message}` : step.kind;
};
const busy = (who: string) => `429 GroupBusy Pod waiting to be rescheduled (others of its group come first: ${who})`;

describe('maxConcurrent', () => {
  const calm = [member(1), member(2)];
  for (const [what, group, seen, expected] of [
    ['all others are in place', calm, {}, 'mark'],
    ['it is alone', [], {}, 'mark'],
    ['another one is marked', [member(1, { mark: aMark() }), member(2)], {}, busy('cb-0001 is marked')],
    ['somebody else marked it', [member(1, { mark: { ...aMark(), isForeign: true } })], {}, busy('cb-0001 is marked')],
    ['another one is not Ready', [member(1), member(2, { ready: false })], {}, busy('cb-0002 is not ready')],
    ['another one is terminating', [member(1, { deletionDeadline: NOW })], {}, busy('cb-0001 is ending')],
    [
      'another one has an entry and no mark: the mark may be on its way',
      calm,
      { tracker: withEntries({ 'cb-0001': { uid: 'uid-1' } }) },
      busy('cb-0001 is being moved'),
    ],
    [
      'another one is gone, and fewer are there than before',
      [member(2)],
      { tracker: withEntries({ 'cb-0001': { uid: 'uid-1' } }) },
      busy('cb-0001 is being moved'),
    ],
    [
      'another one is gone, and as many are there as before: it came back under a new name',
      [member(2), member(3)],
      { tracker: withEntries({ 'cb-0001': { uid: 'uid-1' } }), profile: { ...LIMITED, names: 'either' } },
      'mark',
    ],
    [
      'another one is gone, and as many are there as before, because one that is marked has its replacement beside it',
      [member(1, { mark: aMark() }), member(3)],
      { tracker: withEntries({ 'cb-0002': { uid: 'uid-2' } }), profile: { ...TWO, names: 'either' } },
      busy('cb-0001 is marked, cb-0002 is being moved'),
    ],
    [
      'another one is gone, whose name comes back, and one more is there: the group was scaled up',
      [member(2), member(3)],
      { tracker: withEntries({ 'cb-0001': { uid: 'uid-1' } }) },
      busy('cb-0001 is being moved'),
    ],
    [
      'the only others are a backup Job that has ended, and a pod of a DaemonSet',
      [
        member(1, { owner: { apiVersion: 'batch/v1', kind: 'Job', name: 'backup' }, finishedAt: NOW }),
        member(2, { owner: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent' }, ready: false }),
      ],
      {},
      'mark',
    ],
    ['another one came back', calm, { tracker: withEntries({ 'cb-0001': { uid: 'uid-old' } }) }, 'mark'],
    [
      'another one came back and is not Ready',
      [member(1, { ready: false }), member(2)],
      { tracker: withEntries({ 'cb-0001': { uid: 'uid-old' } }) },
      busy('cb-0001 is not ready'),
    ],
    ['it has an entry of its own', calm, { tracker: withEntries({ 'cb-0000': { uid: 'uid-a' } }) }, 'mark'],
    [
      'an entry is about another group',
      [member(2)],
      { tracker: withEntries({ 'cb-0001': { uid: 'uid-1', group: '0123456789abcdef' } }) },
      'mark',
    ],
    ['two may be under way, and one is', [member(1, { mark: aMark() }), member(2)], { profile: TWO }, 'mark'],
    [
      'two may be under way, and two are',
      [member(1, { mark: aMark() }), member(2, { ready: false })],
      { profile: TWO },
      busy('cb-0001 is marked, cb-0002 is not ready'),
    ],
    [
      'many are under way: some are named',
      [1, 2, 3, 4, 5].map((i) => member(i, { ready: false })),
      {},
      busy('cb-0001 is not ready, cb-0002 is not ready, cb-0003 is not ready and 2 more'),
    ],
  ] as const satisfies readonly (readonly [string, readonly Pod[], SeenInShort, string])[]) {
    test(`${what}: ${expected === 'mark' ? 'marked' : 'it waits'}`, () => assert.equal(answer(group, seen), expected));
  }

  test('a mark says which group, writes its entry whatever becomes of the name, and holds the lock', () => {
    const step = decide(calm, { profile: { ...LIMITED, names: 'new' } });
    assert.ok(step.kind === 'mark');
    assert.deepEqual([step.note.group, step.note.groupSize, step.isLocked], [KEY, 3, true]);
    assert.equal(step.entryOn?.name, 'cb');
  });

  test('a mark counts those that are not under way: a replacement may be there before its pod goes', () => {
    const step = decide([member(1, { mark: aMark() }), member(2), member(3)], { profile: { ...TWO, names: 'new' } });
    assert.ok(step.kind === 'mark');
    assert.equal(step.note.groupSize, 3);
  });

  test('a refusal may rest on the cache, a mark rests on looks in this order: pod, tracker, group', () => {
    const marked = [member(1, { mark: aMark() })];
    assert.equal(answer(marked, { from: 'cache', groupFrom: 'cache' }), busy('cb-0001 is marked'));
    const looks = { kind: 'look', live: true };
    assert.deepEqual(decide(calm, { from: 'cache', groupFrom: 'cache' }), { ...looks, at: 'pod' });
    assert.deepEqual(decide(calm, { groupFrom: 'cache' }), { ...looks, at: 'group' });
    const { group: _, ...unread } = anObservation({ profile: LIMITED });
    const step = next({ ...unread, group: { kind: 'unread' } }, { ...SETTINGS, profiles: [LIMITED] });
    assert.deepEqual(step, { kind: 'look', at: 'group', live: false });
  });

  test('without the lock it waits and says why', () => {
    const why = (text: string) =>
      `429 GroupUntracked Pod waiting to be rescheduled (only so many of its group may move at once, and nobody can count them: ${text})`;
    assert.equal(answer(calm, { trackerMissing: 'no such cluster' }), why('no such cluster'));
    assert.equal(answer(calm, { refusal: { why: 'it refuses', isSettled: true } }), why('it refuses'));
    assert.equal(
      answer(calm, { tracker: aTracker({ leftOut: 1 }) }),
      why('its tracking resource has too many entries'),
    );
    assert.equal(answer(calm, { refusal: { why: 'it refuses', isSettled: false } }), 'mark', 'a hiccup');
  });

  test('an instance that came back on its draining node waits for its group, too', () => {
    const entry: Entry = { uid: 'uid-before', node: 'node-1' };
    const marked = [member(1, { mark: aMark() })];
    assert.equal(answer(marked, { entry }), busy('cb-0001 is marked'));
    assert.equal(answer(calm, { entry }), 'mark');
  });

  test('a dry run says that it would wait', () => {
    const step = decide([member(1, { mark: aMark() })], { request: aRequest({ dryRun: true }) });
    assert.ok(step.kind === 'allow');
    assert.match(step.warning ?? '', /would be refused with 429: .*others of its group come first: cb-0001 is marked/);
  });
});

describe('a group', () => {
  test('is the pods of the profile with the same values of its labels', () => {
    const by = (...keys: string[]) => ({ ...LIMITED, maxConcurrent: { pods: 1, by: keys } });
    const pod = { labels: { app: 'couchbase', couchbase_cluster: 'cb' } };
    const both = by('couchbase_cluster', 'zone');
    assert.equal(formatSelector(groupSelector(both, pod)), 'app in (couchbase),couchbase_cluster in (cb),!zone');
    const two = { ...both, selectors: [...both.selectors, ...both.selectors] };
    assert.equal(formatSelector(groupSelector(two, pod)), 'couchbase_cluster in (cb),!zone', 'any of them selects');
    const other = { labels: { ...pod.labels, couchbase_cluster: 'other' } };
    assert.notEqual(groupKey(LIMITED, pod), groupKey(LIMITED, other));
    assert.equal(groupKey(LIMITED, pod), groupKey({ ...LIMITED, ...{ name: 'renamed' } }, pod));
    assert.notEqual(groupKey(LIMITED, pod), groupKey({ ...LIMITED, selectors: [[{ op: 'exists', key: 'a' }]] }, pod));
    assert.notEqual(groupKey(by('a'), { labels: {} }), groupKey(by('a'), { labels: { a: '' } }));
  });
});
