import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LastEvents } from '../../src/explain/events.ts';
import { type Explanation, explain } from '../../src/explain/explain.ts';
import { renderExplanation } from '../../src/explain/render.ts';
import type { Decision } from '../../src/policy/decision.ts';
import type { Pod } from '../../src/policy/model.ts';
import { next } from '../../src/policy/next.ts';
import type { Observation } from '../../src/policy/observation.ts';
import type { Stall } from '../../src/policy/plans/stall.ts';
import type { HindranceSource } from '../../src/policy/profiles/hindrance.ts';
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
  without,
} from '../support/builders.ts';

interface More {
  readonly stall?: Stall;
  readonly events?: LastEvents;
  readonly unreadReports?: readonly string[];
}

function decide(observation: Observation): Decision {
  const decision = next(observation, SETTINGS);
  assert.ok(decision.kind === 'mark' || decision.kind === 'deny' || decision.kind === 'allow', decision.kind);
  return decision;
}

/** By the policy itself: only the observation is made up. */
function explained(seen: SeenInShort, more: More = {}): Explanation {
  const observation = anObservation(seen);
  const decision = decide(observation);
  const nothing = { events: {}, unreadReports: [] };
  return explain({
    seen: observation,
    decision,
    settings: SETTINGS,
    settingsFrom: 'Deployment hooks/hook',
    ...nothing,
    ...more,
  });
}

const seenOf = ({ seen }: Explanation, what: string) => seen.find((one) => one.what === what)?.text;
const uncordoned = aNode();

describe('explain, by what the policy answers', () => {
  const cases: readonly [string, SeenInShort, readonly [rule: string, reason: string, state: string], RegExp][] = [
    ['marked', { pod: aPod({ mark: aMark() }) }, ['7', 'Waiting', 'waiting'], /^Its operator has to move it/],
    [
      'marked for too long',
      { pod: aPod({ mark: aMark(20 * MINUTE) }) },
      ['7', 'Stalled', 'stuck'],
      /^Its operator has to move it, and has not for too long/,
    ],
    [
      'held',
      { pod: aPod({ policy: 'hold' }) },
      ['6a', 'Held', 'stuck'],
      /^It has to leave by itself, or people move it/,
    ],
    ['ignored', { pod: aPod({ policy: 'ignore' }) }, ['6a', 'Ignored', 'free'], /lets it be evicted/],
    ['terminating', { pod: aPod({ deletionDeadline: NOW }) }, ['6', 'Ending', 'waiting'], /^It has to be gone/],
    ['gone', { pod: 'absent' }, ['2', 'PodGone', 'free'], /^Nothing: the pod is gone/],
    ['not selected', { pod: aPod({ labels: {} }) }, ['3', 'NotSelected', 'free'], /^Nothing: no profile selects it/],
    ['not marked yet', {}, ['9', 'Marked', 'waiting'], /^The next eviction marks it/],
    ['on a node that nobody drains', { node: uncordoned }, ['9', 'Marked', 'free'], /^Nothing: nobody drains its node/],
    [
      'held, on a node that nobody drains',
      { pod: aPod({ policy: 'hold' }), node: uncordoned },
      ['6a', 'Held', 'free'],
      /^Nothing: nobody drains its node/,
    ],
    [
      'a successor without a node',
      {
        pod: without(aPod({ unschedulable: { since: NOW - MINUTE, message: '0/3 nodes' } }), 'node'),
        entry: { uid: 'uid-before', node: 'node-1' },
      },
      ['8b', 'WaitingForSchedule', 'waiting'],
      /^The scheduler has to find a node/,
    ],
    [
      'moved',
      { entry: { uid: 'uid-before', node: 'node-2' }, node: uncordoned },
      ['8c', 'Rescheduled', 'free'],
      /^Nothing: the pod has moved/,
    ],
  ];
  for (const [what, seen, expected, nextStep] of cases) {
    test(what, () => {
      const found = explained(seen);
      assert.deepEqual([found.rule, found.reason, found.state], expected);
      assert.match(found.next, nextStep);
      if (found.state !== 'free') assert.notEqual(found.otherwise, '');
    });
  }
});

test('an operator that reports deletes nothing: the hook evicts the pod then', () => {
  const nextOf = (mark: Partial<Pod>, age: number) => {
    const pod = aPod({ mark: aMark(age), ...mark });
    const profile = { ...PROFILE, report: { annotation: 'example.com/drained' } };
    const seen = { ...anObservation({ pod }), profile };
    const decision = decide(seen);
    return explain({ seen, decision, settings: SETTINGS, settingsFrom: '', events: {}, unreadReports: [] });
  };
  assert.match(nextOf({}, MINUTE).next, /^Its operator has to report that it may go/);
  const refused = nextOf({ isReported: true }, 20 * MINUTE);
  assert.match(refused.next, /^The hook has to evict it/);
  assert.match(refused.otherwise, /disruption budgets/);
});

describe('what was seen', () => {
  const found = explained(
    {
      pod: aPod({ mark: aMark(20 * MINUTE) }),
      entry: { uid: 'uid-a', node: 'node-1', at: NOW - 20 * MINUTE },
      node: aNode({ unschedulable: true }),
      tracker: aTracker({ hindrance: 'Paused' }),
    },
    {
      stall: { kind: 'stalled', why: 'was marked over 15m ago' },
      events: {
        operatorEvent: { at: NOW - MINUTE, by: 'cao', on: 'CouchbaseCluster cb', reason: 'Paused', message: 'paused' },
      },
    },
  );

  test('mark, entry, node, hindrance and Events', () => {
    assert.equal(seenOf(found, 'mark'), 'set 20m ago by reschedule-hook');
    assert.equal(seenOf(found, 'entry'), 'on CouchbaseCluster cb, of this instance, written 20m ago, to leave node-1');
    assert.equal(seenOf(found, 'node'), 'node-1, draining (cordoned)');
    assert.equal(seenOf(found, 'operator'), 'CouchbaseCluster cb reports Paused');
    assert.equal(seenOf(found, 'its Event'), '1m ago, by cao on CouchbaseCluster cb: Paused: paused');
    assert.equal(seenOf(found, "hook's Event"), 'none was found');
    assert.equal(found.state, 'stuck');
    assert.match(found.next, /^The pod was marked over 15m ago\. Its operator/);
  });

  test('what may not be read is not known, and not none', () => {
    const kafkas: HindranceSource = {
      group: 'kafka.strimzi.io',
      plural: 'kafkas',
      kind: 'Kafka',
      label: 'k',
      reports: [],
    };
    const observation = { ...anObservation({}), profile: { ...PROFILE, hindrances: [kafkas] } };
    const facts = { seen: observation, decision: decide(observation), settings: SETTINGS, settingsFrom: '' };
    const operator = (plural: string) => seenOf(explain({ ...facts, events: {}, unreadReports: [plural] }), 'operator');
    assert.equal(operator('kafkas'), 'not known: kafkas cannot be read');
    assert.equal(operator('others'), 'nothing reports that it is hindered');
  });

  test('in at most 100 columns, without control characters', () => {
    const [first = { what: '', text: '' }] = found.seen;
    const text = renderExplanation({ ...found, seen: [{ ...first, text: `\u001b[31m${'word '.repeat(60)}` }] });
    assert.deepEqual(
      text.split('\n').filter((line) => line.length > 100),
      [],
    );
    assert.ok(!text.includes('\u001b'));
    assert.match(text, /^Pod db\/cb-0000: a drain waits for it, and only a human can go on\.$/m);
    assert.match(text, /^if not +Look at the log of its operator/m);
  });
});
