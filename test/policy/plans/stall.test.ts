import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entryKey } from '../../../src/policy/entry.ts';
import type { Entry, Pod } from '../../../src/policy/model.ts';
import { planStall, type Stall, type StallObservation } from '../../../src/policy/plans/stall.ts';
import type { PolicySettings, Profile } from '../../../src/policy/profiles/profile.ts';
import {
  aMark,
  aNamespace,
  aNode,
  aPod,
  aTracker,
  MINUTE,
  NOW,
  PROFILE,
  SETTINGS,
  without,
} from '../../support/builders.ts';

const marked = (ageMs: number) => aPod({ mark: aMark(ageMs) });
const trackerWith = (entry: Entry) => {
  const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
  return aTracker({
    entries: {
      [entryKey('db', 'cb-0000')]: JSON.stringify({
        ...entry,
        at: iso(entry.at),
        firstAt: iso(entry.firstAt),
        hook: entry.installation,
      }),
    },
  });
};
const profileFor = ({ profiles }: PolicySettings) => profiles[0] as Profile;
const plan = (pod: Pod, more: Partial<StallObservation> = {}, settings = SETTINGS): Stall =>
  planStall({ now: NOW, pod, profile: profileFor(settings), markedForMs: 0, ...more }, settings);
const stalled = (hindrance: string | undefined, why: string): Stall => ({
  kind: 'stalled',
  ...(hindrance === undefined ? {} : { hindrance }),
  why,
});
const NOT_MOVED = 'was marked over 15m ago and the operator of CouchbaseCluster cb has not moved it';

describe('planStall: a marked pod that is not moved', () => {
  test('just under STALL_AFTER, and at it', () => {
    assert.deepEqual(plan(marked(15 * MINUTE - 1)), { kind: 'lookAgain', inMs: 1 });
    assert.deepEqual(plan(marked(15 * MINUTE)), stalled(undefined, NOT_MOVED));
  });

  test('a mark without a time counts from when the process saw it', () => {
    const pod = aPod({ mark: { matches: true } });
    assert.deepEqual(plan(pod, { markedForMs: 14 * MINUTE }), { kind: 'lookAgain', inMs: MINUTE });
    assert.equal(plan(pod, { markedForMs: 15 * MINUTE }).kind, 'stalled');
  });

  test('a mark whose time somebody makes newer again and again counts from when the process saw it', () => {
    const foreign = aPod({ mark: { ...aMark(1_000), by: 'kubectl-annotate', isForeign: true } });
    assert.deepEqual(plan(foreign, { markedForMs: 14 * MINUTE }), { kind: 'lookAgain', inMs: MINUTE });
    assert.deepEqual(plan(foreign, { markedForMs: 15 * MINUTE }), stalled(undefined, NOT_MOVED));
  });

  test('names the hindrance', () => {
    const tracker = aTracker({ hindrance: 'Paused' });
    const why = `${NOT_MOVED} (CouchbaseCluster cb reports Paused)`;
    assert.deepEqual(plan(marked(15 * MINUTE), { tracker }), stalled(undefined, why));
    const reported = { kind: 'Kafka', name: 'k', word: 'NotReady' };
    const said = `${NOT_MOVED} (Kafka k reports NotReady)`;
    assert.deepEqual(plan(marked(15 * MINUTE), { reported }), stalled('NotReady', said));
  });

  test('not marked, or terminating: nobody waits', () => {
    assert.deepEqual(plan(aPod(), { markedForMs: 60 * MINUTE }), { kind: 'notWaiting' });
    assert.deepEqual(plan({ ...marked(60 * MINUTE), deletionDeadline: 1 }), { kind: 'notWaiting' });
  });

  for (const [owner, why] of [
    [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1' },
      'a ReplicaSet owns the pod: the selector of the hook is too wide',
    ],
    [undefined, 'the pod has no owner: the selector of the hook may be too wide'],
  ] as const) {
    test(`says that the selector is too wide for a pod of ${owner?.kind ?? 'nobody'}`, () => {
      const pod = { ...without(marked(15 * MINUTE), 'owner'), ...(owner && { owner }) };
      const found = plan(pod);
      assert.ok(found.kind === 'stalled' && found.why.endsWith(`(${why})`), JSON.stringify(found));
    });
  }
});

describe('planStall: a mark that is taken away each time', () => {
  const firstAt = NOW - 15 * MINUTE;
  const entry = { uid: 'uid-a', node: 'node-1', at: NOW - 5_000, firstAt, marks: 14, unmarkedBy: 'gitops' };
  const tracker = trackerWith(entry);
  const why = `${NOT_MOVED} (marked 14 times in 15m, and each time the mark was taken away, probably by gitops)`;

  test('counts from the first mark of the instance, marked or not right now', () => {
    assert.deepEqual(plan(marked(5_000), { tracker }), stalled('Unmarked', why));
    assert.deepEqual(plan(aPod(), { tracker }), stalled('Unmarked', why));
  });

  test('without an entry the process counts', () => {
    const ownMarks = { uid: 'uid-a', at: NOW - 15 * MINUTE, lastAt: NOW - 5_000, marks: 2, isLost: true };
    assert.equal(plan(aPod(), { ownMarks }).kind, 'stalled');
  });

  test('a mark that was not made again for three minutes is withdrawn', () => {
    const old = trackerWith({ ...entry, at: NOW - 3 * MINUTE - 1 });
    assert.deepEqual(plan(aPod(), { tracker: old }), { kind: 'notWaiting' });
  });

  test('of another instance it says nothing, nor after a single mark that was taken away', () => {
    assert.deepEqual(plan(aPod({ uid: 'uid-b' }), { tracker }), { kind: 'notWaiting' });
    assert.deepEqual(plan(aPod(), { tracker: trackerWith(without({ ...entry, marks: 1 }, 'unmarkedBy')) }), {
      kind: 'notWaiting',
    });
  });
});

describe('planStall: a successor that cannot be scheduled', () => {
  const unschedulable = { since: NOW - 15 * MINUTE, message: '0/3 nodes are available' };
  const pod = { ...without(aPod({ uid: 'uid-b' }), 'node'), unschedulable };
  const tracker = trackerWith({ uid: 'uid-a', node: 'node-1' });

  test('is stalled after STALL_AFTER, with what the scheduler says', () => {
    const why = 'was moved and cannot be scheduled (for 15m; the scheduler says: 0/3 nodes are available)';
    assert.deepEqual(plan(pod, { tracker }), stalled('Unschedulable', why));
    const soon = { ...pod, unschedulable: { ...unschedulable, since: NOW - MINUTE } };
    assert.deepEqual(plan(soon, { tracker }), { kind: 'lookAgain', inMs: 14 * MINUTE });
  });

  test('also by a clock that is far ahead', () => {
    const ahead = { ...pod, unschedulable: { ...unschedulable, since: NOW + 400 * 24 * 60 * MINUTE } };
    assert.equal(plan(ahead, { tracker, markedForMs: 15 * MINUTE }).kind, 'stalled');
  });

  test('also if only the process remembers the earlier instance', () => {
    assert.equal(plan(pod, { remembered: { uid: 'uid-a' } }).kind, 'stalled');
  });

  test('keeps no drain waiting without an earlier instance, or with REPLACEMENT_CONDITION=left', () => {
    assert.deepEqual(plan(pod), { kind: 'notWaiting' });
    assert.deepEqual(plan(pod, { tracker }, { ...SETTINGS, replacementCondition: 'left' }), { kind: 'notWaiting' });
  });
});

describe('planStall: a pod that comes back to its draining node', () => {
  const node = aNode({
    unschedulable: true,
    taintedAt: { 'node.kubernetes.io/unschedulable': NOW - 2 * MINUTE },
  });
  const pod = aPod({ uid: 'uid-b', boundAt: NOW - MINUTE });
  const tracker = trackerWith({ uid: 'uid-a', node: 'node-1', returns: 1 });
  const why =
    'came back 2 times to node node-1 while that was draining, and is not marked again; does it tolerate the cordon?';

  test('is stalled at once from the second return on', () => {
    assert.deepEqual(plan(pod, { node, tracker }), stalled('ComesBack', why));
    const byCondition = plan(pod, { node: aNode({ drainConditions: { DrainInProgress: NOW - 2 * MINUTE } }), tracker });
    assert.ok(byCondition.kind === 'stalled' && byCondition.shownBy === 'node', 'a condition may come and go');
    const uncordoned = aNode({ taints: ['node.kubernetes.io/unschedulable:NoSchedule'], taintedAt: node.taintedAt });
    assert.deepEqual(
      plan(pod, { node: uncordoned, tracker }),
      stalled('ComesBack', why.replace('cordon?', 'taint node.kubernetes.io/unschedulable?')),
      'not for longer than its taint, which goes in a moment',
    );
    const once = trackerWith({ uid: 'uid-a', node: 'node-1' });
    assert.deepEqual(plan(pod, { node, tracker: once }), { kind: 'notWaiting' });
  });

  test('not once the node is uncordoned', () => {
    assert.deepEqual(plan(pod, { node: aNode(), tracker }), { kind: 'notWaiting' });
  });

  test('nor while it carries a mark', () => {
    assert.equal(plan({ ...pod, mark: aMark() }, { node, tracker }).kind, 'lookAgain');
  });
});

describe('planStall: a pod that must not be marked', () => {
  const pod = aPod({ policy: 'hold' });
  const cordonedFor = (ms: number) =>
    aNode({ unschedulable: true, taintedAt: { 'node.kubernetes.io/unschedulable': NOW - ms } });
  const held = stalled('Held', 'is not marked, because reschedule.hook/policy says hold');

  test('is reported once its node has been draining for STALL_AFTER', () => {
    assert.deepEqual(plan(pod, { node: cordonedFor(15 * MINUTE) }), held);
    assert.deepEqual(plan(pod, { node: cordonedFor(14 * MINUTE) }), { kind: 'lookAgain', inMs: MINUTE });
  });

  test('counts from when the process saw it if nobody knows since when the node is draining', () => {
    const node = aNode({ unschedulable: true });
    assert.deepEqual(plan(pod, { node, markedForMs: 14 * MINUTE }), { kind: 'lookAgain', inMs: MINUTE });
    assert.deepEqual(plan(pod, { node, markedForMs: 15 * MINUTE }), held);
  });

  test('counts so, too, where that time is far ahead: somebody whose clock is wrong wrote it', () => {
    const node = cordonedFor(-400 * 24 * 60 * MINUTE);
    assert.deepEqual(plan(pod, { node, markedForMs: 14 * MINUTE }), { kind: 'lookAgain', inMs: MINUTE });
    assert.deepEqual(plan(pod, { node, markedForMs: 15 * MINUTE }), held);
    assert.deepEqual(plan(pod, { node: cordonedFor(-MINUTE), markedForMs: 60 * MINUTE }), {
      kind: 'lookAgain',
      inMs: 16 * MINUTE,
    });
  });

  test('also if its tracker or its Namespace says so, and not if the pod says ignore', () => {
    const node = cordonedFor(15 * MINUTE);
    const namespace = aNamespace({ policy: 'hold' });
    assert.deepEqual(plan(aPod(), { node, tracker: aTracker({ policy: 'hold' }) }), held);
    assert.deepEqual(plan(aPod(), { node, namespace }), held);
    assert.deepEqual(plan(aPod({ policy: 'ignore' }), { node, namespace }), { kind: 'notWaiting' });
  });

  test('says the value if that is neither ignore nor hold', () => {
    const mistyped = { policy: 'hold', policyValue: 'Ignore' } as const;
    const why =
      'is not marked, because reschedule.hook/policy is "Ignore", which is neither ignore nor hold and counts as hold';
    assert.deepEqual(plan(aPod(mistyped), { node: cordonedFor(15 * MINUTE) }), stalled('Held', why));
    const tracker = aTracker(mistyped);
    assert.deepEqual(plan(aPod(), { node: cordonedFor(15 * MINUTE), tracker }), stalled('Held', why));
  });

  test('nobody waits if nobody drains its node, and a marked one is like any other', () => {
    assert.deepEqual(plan(pod, { node: aNode() }), { kind: 'notWaiting' });
    assert.deepEqual(plan(pod), { kind: 'notWaiting' });
    const node = cordonedFor(15 * MINUTE);
    assert.deepEqual(plan({ ...marked(15 * MINUTE), policy: 'hold' }, { node }), stalled(undefined, NOT_MOVED));
  });
});

describe('planStall: a pod whose entry another installation keeps', () => {
  const entry = { uid: 'uid-a', node: 'node-1', at: NOW - 15 * MINUTE, installation: 'other' };
  const node = aNode({ unschedulable: true });

  test('is stalled after STALL_AFTER if it is not marked on a draining node', () => {
    const found = plan(aPod(), { node, tracker: trackerWith(entry) });
    assert.ok(found.kind === 'stalled' && found.hindrance === 'OtherInstallation', JSON.stringify(found));
    const fickle = plan(aPod(), {
      node: aNode({ taints: ['karpenter.sh/disrupted:NoSchedule'] }),
      tracker: trackerWith(entry),
    });
    assert.deepEqual([found.shownBy, fickle.kind === 'stalled' && fickle.shownBy], [undefined, 'node']);
    assert.deepEqual(plan(aPod(), { node: aNode(), tracker: trackerWith(entry) }), { kind: 'notWaiting' });
    const ahead = trackerWith({ ...entry, at: NOW + 400 * 24 * 60 * MINUTE });
    assert.equal(plan(aPod(), { node, tracker: ahead, markedForMs: 15 * MINUTE }).kind, 'stalled');
    const fresh = trackerWith({ ...entry, at: NOW - 14 * MINUTE });
    assert.deepEqual(plan(aPod(), { node, tracker: fresh }), { kind: 'lookAgain', inMs: MINUTE });
  });
});

describe('a pod that waits for its group', () => {
  const profile = { ...PROFILE, maxConcurrent: { pods: 1, by: ['couchbase_cluster'] } };
  const other = aPod({ name: 'cb-0001', uid: 'uid-1', ready: false });
  const waiting = (overrides: Partial<StallObservation> = {}) =>
    plan(aPod(), {
      profile,
      node: aNode({ unschedulable: true }),
      tracker: aTracker(),
      group: [aPod(), other],
      markedForMs: 15 * MINUTE,
      ...overrides,
    });
  const why = (who: string) => `has waited for over 15m for others of its group, which come first (${who})`;

  test('is reported after as long as a marked one would be', () => {
    assert.deepEqual(waiting(), stalled('GroupBusy', why('cb-0001 is not ready')));
    assert.deepEqual(waiting({ markedForMs: 14 * MINUTE }), { kind: 'lookAgain', inMs: MINUTE });
  });

  test('is not, where its turn has come, or nobody drains its node', () => {
    assert.deepEqual(waiting({ group: [aPod(), { ...other, ready: true }] }), { kind: 'notWaiting' });
    assert.deepEqual(waiting({ node: aNode() }), { kind: 'notWaiting' });
  });

  test('is reported where nobody can count the others', () => {
    const node = aNode({ unschedulable: true });
    const untracked = plan(aPod(), { profile, node, group: [aPod()], markedForMs: 15 * MINUTE });
    const uncounted = (text: string) => stalled('GroupBusy', why(`nobody can count them: ${text}`));
    assert.deepEqual(untracked, uncounted('it has no tracking resource'));
    const full = waiting({ group: [aPod()], tracker: aTracker({ leftOut: 1 }) });
    assert.deepEqual(full, uncounted('its tracking resource has too many entries'));
    const refused = waiting({ group: [aPod()], refusal: { why: 'it refuses', isSettled: true } });
    assert.deepEqual(refused, uncounted('it refuses'));
  });
});
