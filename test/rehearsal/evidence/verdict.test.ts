import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Draining, EvictionResponse, Stay } from '../../../rehearsal/evidence/history.ts';
import * as verdict from '../../../rehearsal/evidence/verdict.ts';
import { aMember, drain, safe } from './a-seen.ts';

const old = aMember('cb-1', 'old', { node: 'node-1', isGone: true });

/** The same name again, as it was moved off its node at that time. */
const moved = (node: string, at: number) => ({
  members: [old, aMember('cb-1', 'mid', { isGone: true, node })],
  deletedAt: new Map([...safe.deletedAt, ['mid', at]]),
});
const later: verdict.DrainSeen = { ...drain, node: 'node-2', beganAt: 500, endedAt: 700 };

describe('the verdict on drains', () => {
  it('does not count a pod as moved that was only one too many', () => {
    const twice = { ...safe, ...moved('node-2', 250) };
    assert.equal(verdict.movedOnce(twice).holds, false);
    assert.equal(verdict.movedOnce({ ...twice, surplus: new Set(['mid']) }).holds, true);
  });

  it('takes a pod that was rightly evicted for moved, and no other', () => {
    const { deletedAt, ...rest } = safe;
    const evicted = { ...rest, deletedAt: new Map(), evictedAt: deletedAt };
    assert.deepEqual(
      verdict.checksOf(evicted).filter(({ holds }) => !holds),
      [],
    );
    assert.deepEqual(verdict.movedNames(evicted), ['cb-1']);
    assert.equal(verdict.nobodyEvicted({ ...evicted, evictedAt: new Map() }).holds, false);
  });

  it('is that a pod is left marked which another object still asks to be moved', () => {
    const { annotation: _, ...unmarked } = safe;
    assert.equal(verdict.nobodyMarked({ ...unmarked, stillAsked: new Set(['old']) }).holds, true);
    assert.equal(verdict.nobodyMarked({ ...unmarked, stillAsked: new Set(['new']) }).holds, false);
  });

  it('is that they were safe where all is well', () => {
    assert.deepEqual(
      verdict.checksOf(safe).filter(({ holds }) => !holds),
      [],
    );
  });

  const table: [string, verdict.Rule, Partial<verdict.Seen>, RegExp][] = [
    ['nothing was rehearsed', verdict.rehearsed, { drains: [] }, /nothing was rehearsed/],
    ['no pod was on the node', verdict.rehearsed, { drains: [{ ...drain, drained: new Set() }] }, /nothing was reh/],
    ['a drain failed', verdict.drainsEnded, { drains: [{ ...drain, code: 1 }] }, /node-1 ended with exit code 1/],
    [
      'a drain failed, and its drainer said why',
      verdict.drainsEnded,
      { drains: [{ ...drain, code: 1, complaint: 'error: a second webhook' }] },
      /node-1 ended with exit code 1: error: a second webhook/,
    ],
    [
      'a mark of any value is left',
      verdict.nobodyMarked,
      {
        annotation: { key: 'move', value: '', isAny: true },
        members: [aMember('cb-1', 'new', { annotations: { move: 'of somebody' } })],
      },
      /new\) is marked to be moved/,
    ],
    ['every drain was cut', verdict.drainsEnded, { drains: [{ ...drain, isCut: true }] }, /no drain came/],
    ['a pod was evicted', verdict.nobodyEvicted, { deletedAt: new Map() }, /cb-1 \(old\) was evicted/],
    [
      'a pod elsewhere was evicted',
      verdict.nobodyEvicted,
      { members: [...safe.members, aMember('cb-2', 'x', { isGone: true })] },
      /cb-2 \(x\) was evicted/,
    ],
    ['a pod is left', verdict.nodesEmpty, { members: [{ ...old, isGone: false }] }, /cb-1 \(old\) is still on node-1/],
    [
      'its successor is there',
      verdict.nodesEmpty,
      { members: [old, aMember('cb-1', 'new', { node: 'node-1' })] },
      /cb-1 \(new\) is still on node-1/,
    ],
    [
      'a pod was on a drained node at its end',
      verdict.nodesEmpty,
      { drains: [{ ...drain, left: ['cb-1'] }], givenBack: new Set(['node-1']) },
      /cb-1 was on node-1 when its drain had ended/,
    ],
    [
      'a pod was moved off a node that nobody drained',
      verdict.movedOnce,
      moved('node-2', 250),
      /mid\) was moved although/,
    ],
    ['a pod was moved after the drain', verdict.movedOnce, moved('node-1', 400), /mid\) was moved although/],
    [
      'a pod was moved before the drain of its node',
      verdict.movedOnce,
      { ...moved('node-2', 400), drains: [drain, later] },
      /mid\) was moved although/,
    ],
    ['a pod was moved twice for one drain', verdict.movedOnce, moved('node-1', 250), /mid\) was moved for a drain/],
    [
      'a pod was moved twice for a drain that was run again',
      verdict.movedOnce,
      {
        ...moved('node-1', 600),
        drains: [
          { ...drain, isCut: true },
          { ...drain, beganAt: 500, endedAt: 700 },
        ],
      },
      /mid\) was moved for a drain/,
    ],
    [
      'a pod is marked',
      verdict.nobodyMarked,
      { members: [aMember('cb-1', 'new', { annotations: { move: 'true' } })] },
      /marked to be moved once more/,
    ],
  ];
  for (const [name, rule, change, problem] of table) {
    it(`sees it where ${name}`, () => {
      assert.deepEqual(rule(safe).problems, []);
      const bad = rule({ ...safe, ...change });
      assert.equal(bad.holds, false);
      assert.match(bad.problems.join('; '), problem);
    });
  }

  const fine: [string, Partial<verdict.Seen>][] = [
    ['twice off one node after the other', { ...moved('node-2', 600), drains: [drain, later] }],
    [
      'off a second node that is drained at the same time',
      { ...moved('node-2', 250), drains: [drain, { ...later, beganAt: 100 }] },
    ],
    [
      'when its drain had been cut',
      {
        drains: [
          { ...drain, endedAt: 150, isCut: true },
          { ...drain, beganAt: 250 },
        ],
      },
    ],
    ['before all that', { deletedAt: new Map([['old', 10]]) }],
  ];
  for (const [name, change] of fine) {
    it(`has nothing against a pod that was moved ${name}`, () => {
      assert.deepEqual(verdict.movedOnce({ ...safe, ...change }).problems, []);
    });
  }

  it('has nothing against pods on a node that was given back', () => {
    const seen = { ...safe, members: [aMember('cb-1', 'new', { node: 'node-1' })] };
    assert.equal(verdict.nodesEmpty(seen).holds, false);
    assert.deepEqual(verdict.nodesEmpty({ ...seen, givenBack: new Set(['node-1']) }).problems, []);
  });
});

describe('a 404', () => {
  /** On node-1, which is drained from 100 on; its operator deletes it at 200, which is seen at 205. */
  const here: Stay = { uid: 'old', name: 'cb-1', node: 'node-1', from: 0, to: 205 };
  const closed: Draining = { node: 'node-1', from: 100, to: Infinity };
  const response: EvictionResponse = { pod: 'cb-1', code: 404, text: '', from: 150, to: 160, sender: 'drainer' };
  const found = (over: Partial<EvictionResponse>, stay: Partial<Stay> = {}, draining: Partial<Draining> = {}) =>
    verdict.releasedLate({
      ...safe,
      history: {
        responses: [{ ...response, ...over }],
        stays: [{ ...here, ...stay }],
        drainings: [{ ...closed, ...draining }],
      },
    }).problems;

  it('is wrong while the pod is on the node that is drained, whoever has asked', () => {
    const expected = ['a drainer heard "moved" about cb-1 (old) while it was still on node-1'];
    assert.deepEqual(found({}), expected);
    assert.deepEqual(found({ sender: 'rehearsal' }), expected);
  });

  const right: [string, Partial<EvictionResponse>, Partial<Stay>?, Partial<Draining>?][] = [
    ['the pod was being deleted already', { from: 190, to: 201 }],
    ['the pod came while the answer was in hand', {}, { from: 155 }],
    ['the node was not drained yet', {}, {}, { from: 155 }],
    ['the node had been given back', {}, {}, { to: 140 }],
    ['the pod is on another node', {}, { node: 'node-2' }],
    ['it is about another pod', { pod: 'cb-2' }],
    ['it is no 404', { code: 429 }],
    ['the pod is none of those that are protected', {}, { uid: 'web' }],
  ];
  for (const [name, ...change] of right) {
    it(`may be right where ${name}`, () => assert.deepEqual(found(...change), []));
  }
});

describe('a drainer that waits', () => {
  const problems = (responses: readonly EvictionResponse[], over: Partial<verdict.DrainSeen> = {}) =>
    verdict.askedAgain({ ...safe, drains: [{ ...drain, ...over }], history: { ...safe.history, responses } }).problems;
  const [refused] = safe.history.responses;
  assert.ok(refused);

  it('has to have been told so', () => {
    const expected = ['no drainer was told to wait for cb-1 while it was still on node-1'];
    assert.deepEqual(problems([]), expected);
    assert.deepEqual(problems([{ ...refused, text: 'Reschedule annotation added to pod' }]), expected);
    assert.deepEqual(problems([{ ...refused, sender: 'rehearsal' }]), expected);
    assert.deepEqual(problems([{ ...refused, to: 900 }]), expected);
    assert.deepEqual(problems([{ ...refused, pod: 'cb-0' }]), expected);
    assert.deepEqual(problems([refused]), []);
  });

  it('need not where its drain was cut, has failed, or was about nobody', () => {
    for (const over of [{ isCut: true }, { code: 1 }, { drained: new Set<string>() }]) {
      assert.deepEqual(problems([], over), []);
    }
  });

  it('is told so for each pod that its operator was held for, and else for one of them', () => {
    const members = Array.from({ length: 6 }, (_, i) => aMember(`cb-${i}`, `u${i}`));
    const drained = new Set(members.map(({ uid }) => uid));
    const seen = (heldFor: number) =>
      verdict.askedAgain({ ...safe, members, drains: [{ ...drain, drained, heldFor }] }).problems;
    assert.deepEqual(seen(0), []);
    assert.deepEqual(seen(1), []);
    assert.deepEqual(seen(6), [
      'no drainer was told to wait for cb-0, cb-2, cb-3 or 2 more while it was still on node-1',
    ]);
  });
});

describe('the figures of a drain', () => {
  it('count the moves of each pod and the refusals of its namespace', () => {
    assert.deepEqual(verdict.figuresOf({ ...safe, ...moved('node-2', 250) }), [
      { what: 'pods moved', value: '1 of 1 on the node' },
      { what: 'moves per pod', value: 'cb-1 2x' },
    ]);
    assert.deepEqual(verdict.figuresOf({ ...safe, deletedAt: new Map() }).at(-1)?.value, 'none');
    const lines = [
      { message: '', namespace: 'db', decision: 'mark' },
      { message: '', namespace: 'db', decision: 'deny', code: 429 },
      { message: '', namespace: 'db', decision: 'deny', code: 404 },
      { message: '', namespace: 'db', decision: 'allow' },
      { message: '', namespace: 'default', decision: 'deny', code: 429 },
      { message: 'TypeError' },
    ];
    assert.equal(verdict.refusalsIn(lines, 'db'), 2);
  });
});
