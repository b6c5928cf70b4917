import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entryState, planEntry } from '../../src/policy/entry-lifecycle.ts';
import { next } from '../../src/policy/next.ts';
import { planStall } from '../../src/policy/plans/stall.ts';
import type { Profile } from '../../src/policy/profiles/profile.ts';
import {
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
  without,
} from '../support/builders.ts';

const HOLDS: Profile = { ...without(PROFILE, 'mark'), name: 'by-hand', names: 'reused' };
const settings = { ...SETTINGS, profiles: [HOLDS] };
const WAITS = '429 Held Pod waiting to be rescheduled (profile by-hand has no mark, so nobody is asked to move it)';
const cordoned = aNode({ unschedulable: true });

function answer(seen: SeenInShort = {}, profile: Profile = HOLDS): string {
  const step = next(anObservation({ profile, ...seen }), { ...SETTINGS, profiles: [profile] });
  if (step.kind === 'look') return `look at ${step.at}`;
  if (step.kind === 'mark') return step.annotation ? 'mark' : `entry on ${step.entryOn?.name}: ${step.message}`;
  return step.kind === 'deny' ? `${step.code} ${step.reason} ${step.message}` : step.kind;
}

describe('a profile without a mark', () => {
  const entry = { uid: 'uid-a', node: 'node-1', at: NOW - MINUTE };
  for (const [what, seen, expected] of [
    ['a pod whose name comes back gets an entry', {}, `entry on cb: ${WAITS.slice('429 Held '.length)}`],
    ['that is written once', { entry }, WAITS],
    ['without a tracker it waits all the same', { trackerMissing: 'no such thing' }, WAITS],
    ['without tracking, too', { tracker: 'off' }, WAITS],
    ['a tracker that takes no entry', { refusal: { why: 'full', isSettled: true } }, WAITS],
    [
      'once its successor is in place the drain is released',
      { pod: aPod({ uid: 'uid-b', node: 'node-2' }), node: aNode({ name: 'node-2' }), entry },
      '404 Rescheduled Pod has been rescheduled with the same name',
    ],
    [
      'a successor on a draining node gets an entry of its own',
      { pod: aPod({ uid: 'uid-b', node: 'node-2' }), node: aNode({ name: 'node-2', unschedulable: true }), entry },
      `entry on cb: ${WAITS.slice('429 Held '.length)}`,
    ],
    ['what carries an annotation of that name is not marked', { pod: aPod(), entry }, WAITS],
  ] as const satisfies readonly (readonly [string, SeenInShort, string])[]) {
    test(what, () => assert.equal(answer(seen), expected));
  }

  test('a dry run says that nobody is asked', () => {
    const request = aRequest({ dryRun: true });
    const step = next(anObservation({ profile: HOLDS, request }), settings);
    assert.ok(step.kind === 'allow');
    assert.match(step.warning ?? '', /would be refused with 429: .* so nobody is asked to move it/);
  });

  test('a name that does not come back needs no entry', () => {
    assert.equal(answer({}, { ...HOLDS, names: 'new' }), WAITS);
  });

  test('an entry on a node that is not draining rests on live reads', () => {
    assert.equal(answer({ from: 'cache', node: aNode() }), 'look at pod');
  });

  test('its entry stays while the node is draining, and goes once nobody drains it', () => {
    const pod = aPod();
    const stateOn = (node: ReturnType<typeof aNode>) => entryState({ entry: { uid: pod.uid }, pod, node }, settings);
    assert.equal(stateOn(cordoned), 'waiting');
    assert.equal(stateOn(aNode()), 'withdrawn');
    assert.equal(entryState({ entry: { uid: pod.uid }, pod }, settings), 'waiting');
    assert.equal(planEntry({ state: 'withdrawn' }, 10 * MINUTE, settings).kind, 'prune');
  });

  test('the entry of one whose move is asked for on another object stays for as long as the pod: nobody takes that back', () => {
    const request = {
      kind: 'Sql',
      group: 'x',
      plural: 'sqls',
      label: 'l',
      onlyIf: [],
      form: { key: 'k', value: '{uid}' },
    };
    const asks = { ...SETTINGS, profiles: [{ ...HOLDS, request }] };
    assert.equal(entryState({ entry: { uid: 'uid-a' }, pod: aPod(), node: aNode() }, asks), 'waiting');
  });

  test('is reported once the drain has waited for long', () => {
    const at = (ageMs: number, isAwaited = true, node = cordoned) =>
      planStall(
        { now: NOW, pod: aPod(), profile: HOLDS, node, tracker: aTracker(), markedForMs: ageMs, isAwaited },
        settings,
      );
    assert.deepEqual(at(0), { kind: 'lookAgain', inMs: 15 * MINUTE, shownBy: 'drainer' });
    assert.deepEqual(at(15 * MINUTE), {
      kind: 'stalled',
      hindrance: 'Held',
      why: 'has not left by itself, and its profile by-hand has no mark',
      shownBy: 'drainer',
    });
    assert.equal(at(15 * MINUTE, true, aNode()).kind, 'stalled', 'nobody has cordoned the node');
    assert.equal(at(15 * MINUTE, false).kind, 'notWaiting', 'nobody waits for it');
    const taints = ['node.kubernetes.io/unschedulable:NoSchedule'];
    const longAgo = aNode({ unschedulable: true, taints, taintedAt: { [taints[0] as string]: NOW - 60 * MINUTE } });
    assert.equal(at(MINUTE, true, longAgo).kind, 'lookAgain', 'the cordon is older than the drain');
  });
});
