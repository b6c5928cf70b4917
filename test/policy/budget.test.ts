import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeEntry, entryKey } from '../../src/policy/entry.ts';
import type { Pod } from '../../src/policy/model.ts';
import { next } from '../../src/policy/next.ts';
import { planStall } from '../../src/policy/plans/stall.ts';
import { budgetsOver } from '../../src/policy/profiles/budget.ts';
import type { Profile } from '../../src/policy/profiles/profile.ts';
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
  sightingOf,
} from '../support/builders.ts';

const CAREFUL: Profile = { ...PROFILE, names: 'new', respectsBudgets: true };
const settings = { ...SETTINGS, profiles: [CAREFUL] };
const TARGET = aPod();
const other = (i: number, more: Partial<Pod> = {}) => aPod({ name: `cb-000${i}`, uid: `uid-${i}`, ...more });
const aBudget = (desiredHealthy: number | undefined, ...pods: readonly Pod[]) => ({
  name: 'b',
  selector: [],
  ...(desiredHealthy === undefined ? {} : { desiredHealthy }),
  pods,
});

function answer(budgets: readonly ReturnType<typeof aBudget>[] | 'unread', seen: SeenInShort = {}): string {
  const sighting = budgets === 'unread' ? ({ kind: 'unread' } as const) : sightingOf(budgets, 'live');
  const step = next(anObservation({ profile: CAREFUL, pod: TARGET, budgets: sighting, ...seen }), settings);
  if (step.kind === 'look') return `look at ${step.at}${step.live ? ' live' : ''}`;
  if (step.kind === 'mark') return `mark${step.isLocked ? ', locked' : ''}${step.entryOn ? ', with an entry' : ''}`;
  return step.kind === 'deny' ? `${step.reason} ${step.message}` : step.kind;
}

const full = (why: string) => `BudgetExhausted Pod waiting to be rescheduled (PodDisruptionBudget b ${why})`;
const MARKED = 'mark, locked, with an entry';

describe('respectBudgets', () => {
  const entry = (pod: Pod) =>
    aTracker({
      entries: { [entryKey('db', pod.name)]: encodeEntry({ uid: pod.uid, at: NOW, namespace: 'db', pod: pod.name }) },
    });
  for (const [what, budgets, seen, expected] of [
    ['no budget is over the pod', [], {}, MARKED],
    ['one may go', [aBudget(2, TARGET, other(1), other(2))], {}, MARKED],
    ['none may go', [aBudget(3, TARGET, other(1), other(2))], {}, full('allows no disruption: 3 healthy, 3 needed')],
    [
      'another one is marked',
      [aBudget(2, TARGET, other(1, { mark: aMark() }), other(2))],
      {},
      full('allows no disruption: 3 healthy, 2 needed; under way: cb-0001'),
    ],
    [
      'another one is about to be marked',
      [aBudget(2, TARGET, other(1), other(2))],
      { tracker: entry(other(1)) },
      full('allows no disruption: 3 healthy, 2 needed; under way: cb-0001'),
    ],
    [
      'an entry of an earlier instance does not count',
      [aBudget(2, TARGET, other(1), other(2))],
      { tracker: entry(other(1, { uid: 'x' })) },
      MARKED,
    ],
    [
      'one that is not Ready is missing already',
      [aBudget(2, TARGET, other(1, { ready: false }), other(2))],
      {},
      full('allows no disruption: 2 healthy, 2 needed'),
    ],
    [
      'one that is ending, too, and is not counted twice',
      [aBudget(2, TARGET, other(1, { deletionDeadline: NOW, mark: aMark() }), other(2))],
      {},
      full('allows no disruption: 2 healthy, 2 needed'),
    ],
    [
      'a pod that is not Ready takes nothing away',
      [aBudget(2, { ...TARGET, ready: false }, other(1), other(2))],
      { pod: { ...TARGET, ready: false } },
      MARKED,
    ],
    [
      'the strictest of several counts',
      [aBudget(1, TARGET, other(1)), aBudget(2, TARGET, other(1))],
      {},
      full('allows no disruption: 2 healthy, 2 needed'),
    ],
    ['its controller has not computed it', [aBudget(undefined, TARGET)], {}, full('has not been computed yet')],
    [
      'too many are over it',
      Array.from({ length: 6 }, () => aBudget(0)),
      {},
      'BudgetExhausted Pod waiting to be rescheduled (more than 5 disruption budgets are over it)',
    ],
    ['nobody has looked', 'unread', {}, 'look at budgets live'],
    ['the pod is read live before', [aBudget(1, TARGET, other(1))], { from: 'cache' }, 'look at pod live'],
    [
      'there is no tracking resource',
      [],
      { trackerMissing: 'no CouchbaseCluster db/cb' },
      'BudgetExhausted Pod waiting to be rescheduled (its disruption budget is to be respected, and nobody can count the moves under way: it has no tracking resource)',
    ],
  ] as const satisfies readonly (readonly [
    string,
    readonly ReturnType<typeof aBudget>[] | 'unread',
    SeenInShort,
    string,
  ])[]) {
    test(what, () => assert.equal(answer(budgets, seen), expected));
  }

  test('is reported once a drain has waited for long', () => {
    const node = aNode({ unschedulable: true });
    const seen = { now: NOW, pod: TARGET, profile: CAREFUL, node, tracker: aTracker(), isAwaited: true };
    assert.deepEqual(planStall({ ...seen, markedForMs: MINUTE }, settings), {
      kind: 'lookAgain',
      inMs: 14 * MINUTE,
      shownBy: 'drainer',
    });
    assert.deepEqual(planStall({ ...seen, markedForMs: 15 * MINUTE }, settings), {
      kind: 'stalled',
      hindrance: 'BudgetExhausted',
      why: 'has waited for over 15m for its disruption budget to allow a disruption',
      shownBy: 'drainer',
    });
    const { isAwaited: _, ...cordoned } = seen;
    assert.equal(
      planStall({ ...cordoned, markedForMs: 15 * MINUTE }, settings).kind,
      'notWaiting',
      'a cordon is no drain',
    );
  });
});

describe('budgets over a pod', () => {
  const labels = { app: 'db', tier: 'data' };
  const raw = (selector: object | null, status: object = { observedGeneration: 2, desiredHealthy: 2 }) => ({
    metadata: { name: 'b', generation: 2 },
    spec: { selector },
    status,
  });
  for (const [what, selector, isOver] of [
    ['labels', { matchLabels: { app: 'db' } }, true],
    ['other labels', { matchLabels: { app: 'web' } }, false],
    ['none: all pods', {}, true],
    ['null: no pod', null, false],
    ['In', { matchExpressions: [{ key: 'tier', operator: 'In', values: ['data', 'x'] }] }, true],
    ['NotIn', { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['data'] }] }, false],
    ['Exists', { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, true],
    ['DoesNotExist', { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, false],
    ['both', { matchLabels: { app: 'db' }, matchExpressions: [{ key: 'x', operator: 'Exists' }] }, false],
  ] as const) {
    test(`by ${what}`, () => assert.equal(budgetsOver([raw(selector)], labels).length, Number(isOver)));
  }

  test('say how many they need, if that is about what they are now', () => {
    const needed = (status?: object) => budgetsOver([raw({}, status)], labels)[0]?.desiredHealthy;
    assert.deepEqual(
      [needed(), needed({ observedGeneration: 1, desiredHealthy: 2 }), needed({})],
      [2, undefined, undefined],
    );
  });

  test('say nothing once their controller has failed: what it computed before may be about other pods', () => {
    const conditions = [{ type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed' }];
    const [budget] = budgetsOver([raw({}, { observedGeneration: 2, desiredHealthy: 1, conditions })], labels);
    assert.equal(budget?.desiredHealthy, undefined);
  });

  test('an operator that nobody knows is an error, which is doubt', () => {
    assert.throws(() => budgetsOver([raw({ matchExpressions: [{ key: 'a', operator: 'Near' }] })], labels));
  });
});
