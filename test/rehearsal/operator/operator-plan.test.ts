import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COUCHBASE } from '../../../rehearsal/operator/models/couchbase.ts';
import { planCluster } from '../../../rehearsal/operator/operator-plan.ts';
import type { Memory, OperatorPlan } from '../../../rehearsal/operator/plan.ts';
import type { JsonObject } from '../../../src/kube/client.ts';
import { type Member, viewCluster, viewMember } from '../../../testkit/couchbase/member.ts';

const KEY = 'cao.couchbase.com/reschedule';
const SETTINGS = {
  model: COUCHBASE,
  annotation: COUCHBASE.mark,
  noticeMs: 0,
  maxUpgradable: 1,
  rebalanceMs: 1_000,
  prepareMs: 0,
  emptyMs: 0,
  recreateDelayMs: 200,
};
const NOW = 100_000;

interface Given {
  readonly spec?: Record<string, unknown>;
  readonly status?: JsonObject;
  readonly members?: readonly Member[];
  readonly memory?: Partial<Memory>;
  readonly settings?: Partial<typeof SETTINGS>;
}

function plan({ spec = {}, status = {}, members = [], memory, settings = {} }: Given): OperatorPlan {
  const cluster = viewCluster({
    metadata: { namespace: 'db', name: 'cb', uid: 'c' },
    spec: { size: 3, ...spec },
    status,
  });
  const before = memory && { balanced: new Set<string>(), deletedAt: new Map<number, number>(), ...memory };
  return planCluster({ cluster, members }, before, { ...SETTINGS, ...settings }, NOW);
}

/** A member that is Running and Ready on node-1. */
function aMember(index: number, over: Partial<Member> = {}): Member {
  const name = `cb-000${index}`;
  const raw = { metadata: { namespace: 'db', name, uid: `u${index}` }, spec: { nodeName: 'node-1' } };
  const member = viewMember('cb', {
    ...raw,
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });
  assert.ok(member);
  return { ...member, ...over };
}

const marked = (index: number, value = 'true') => aMember(index, { annotations: { [KEY]: value } });
const three = [aMember(0), aMember(1), aMember(2)];
const IN_PLACE = { upgradeProcess: 'InPlaceUpgrade' };

/** Steps in short: `delete cb-0001 (in place)`. */
function steps({ steps }: OperatorPlan): string[] {
  return steps.map((step) => {
    if (step.kind === 'create') return `create ${step.pod} (${step.why})`;
    return step.kind === 'delete' ? `delete ${step.member.name} (${step.why})` : `${step.kind} ${step.member.name}`;
  });
}

describe('the next steps of the stand-in operator', () => {
  const table: [string, Given, string[], string?][] = [
    ['a new cluster gets its members', {}, [0, 1, 2].map((i) => `create cb-000${i} (scale up)`)],
    ['a cluster in place needs nothing', { members: three }, []],
    ['nothing is done while paused', { spec: { paused: true }, members: [marked(0)] }, [], 'paused'],
    ['nothing is done while hibernating', { spec: { hibernate: true } }, [], 'paused'],
    [
      'nothing is done while a member is Pending',
      { members: [marked(0), aMember(1), aMember(2, { phase: 'Pending', ready: false })] },
      [],
      'pending',
    ],
    [
      'nothing is done while a member ends',
      { members: [marked(0), aMember(1), aMember(2, { terminating: true })] },
      [],
      'pending',
    ],
    [
      'an ended member is deleted',
      { members: [aMember(0), aMember(1), aMember(2, { phase: 'Failed' })] },
      ['delete cb-0002 (ended)'],
    ],
    [
      'in place: the marked member is deleted',
      { spec: IN_PLACE, members: [aMember(0), marked(1), aMember(2)] },
      ['delete cb-0001 (in place)'],
    ],
    [
      'the older name means in place, too',
      { spec: { upgradeProcess: 'DeltaRecovery' }, members: [aMember(0), marked(1), aMember(2)] },
      ['delete cb-0001 (in place)'],
    ],
    [
      'the newer place of the process wins where it exists, though it says nothing',
      { spec: { ...IN_PLACE, upgrade: {} }, members: [aMember(0), marked(1), aMember(2)] },
      ['create cb-0003 (swap in)'],
    ],
    [
      'the newer place alone',
      { spec: { upgrade: IN_PLACE }, members: [aMember(0), marked(1), aMember(2)] },
      ['delete cb-0001 (in place)'],
    ],
    [
      'another value of the annotation is no mark',
      { spec: IN_PLACE, members: [aMember(0), marked(1, 'True'), aMember(2)] },
      [],
    ],
    [
      'one at a time, the first member last',
      { spec: IN_PLACE, members: [marked(0), marked(1), marked(2)] },
      ['delete cb-0001 (in place)'],
    ],
    [
      'as many at a time as allowed',
      { spec: IN_PLACE, members: [marked(0), marked(1), marked(2)], settings: { maxUpgradable: 2 } },
      ['delete cb-0001 (in place)', 'delete cb-0002 (in place)'],
    ],
    [
      'in place: the name comes back',
      {
        spec: IN_PLACE,
        members: [aMember(0), aMember(2)],
        status: { members: { ready: ['cb-0000', 'cb-0002'], unready: ['cb-0001'] } },
      },
      ['create cb-0001 (recreate)'],
    ],
    [
      'swap: a name never comes back',
      {
        members: [aMember(0), aMember(2)],
        status: { nextMemberIndex: 7, members: { ready: ['cb-0000', 'cb-0002'], unready: ['cb-0001'] } },
      },
      ['create cb-0007 (scale up)'],
    ],
    [
      'swap: the next index is past every member',
      { members: [aMember(0), marked(1), aMember(5)] },
      ['create cb-0006 (swap in)'],
    ],
    [
      'swap: the marked one goes when its successor is in',
      { members: [...three.slice(0, 2), marked(2), aMember(3)] },
      ['delete cb-0002 (swapped out)'],
    ],
    ['scaled down: the last one goes', { members: [...three, aMember(3)] }, ['delete cb-0003 (scale down)']],
  ];
  for (const [name, given, expected, waitingFor] of table) {
    it(name, () => {
      const result = plan(given);
      assert.deepEqual(steps(result), expected);
      assert.equal(result.waitingFor, waitingFor);
    });
  }

  it('waits with the same name for as long as it is told to', () => {
    const given = {
      spec: IN_PLACE,
      members: [aMember(0), aMember(2)],
      status: { members: { ready: ['cb-0000', 'cb-0002'], unready: ['cb-0001'] } },
    };
    const early = plan({ ...given, memory: { deletedAt: new Map([[1, NOW - 199]]) } });
    assert.deepEqual([early.waitingFor, early.lookAgainInMs, early.steps], ['recreate', 1, []]);
    const due = plan({ ...given, memory: { deletedAt: new Map([[1, NOW - 200]]) } });
    assert.deepEqual(steps(due), ['create cb-0001 (recreate)']);
  });

  it('rebalances newcomers before it moves the next member', () => {
    const members = [aMember(0), marked(1), aMember(2)];
    const balanced = new Set(['u0', 'u1']);
    const first = plan({ spec: IN_PLACE, members, memory: { balanced } });
    assert.deepEqual([steps(first), first.waitingFor, first.lookAgainInMs], [['ready cb-0002'], 'rebalance', 1_000]);
    assert.equal(first.memory.rebalance?.until, NOW + 1_000);

    const under = { uids: new Set(['u2']) };
    const during = plan({ spec: IN_PLACE, members, memory: { balanced, rebalance: { ...under, until: NOW + 1 } } });
    assert.deepEqual([steps(during), during.waitingFor], [[], 'rebalance']);
    const after = plan({ spec: IN_PLACE, members, memory: { balanced, rebalance: { ...under, until: NOW } } });
    assert.deepEqual(steps(after), ['rebalanced cb-0002', 'delete cb-0001 (in place)']);
  });

  it('waits for a newcomer to be Ready, and for no other member', () => {
    const members = [aMember(0, { ready: false }), marked(1), aMember(2)];
    const waiting = plan({ spec: IN_PLACE, members, memory: { balanced: new Set(['u1', 'u2']) } });
    assert.equal(waiting.waitingFor, 'ready');
    const going = plan({ spec: IN_PLACE, members, memory: { balanced: new Set(['u0', 'u1', 'u2']) } });
    assert.deepEqual(steps(going), ['delete cb-0001 (in place)']);
  });

  it('opens the readiness gate of a running member', () => {
    const gated = aMember(2, { gates: ['pod.couchbase.com/readiness'], ready: false });
    assert.deepEqual(steps(plan({ members: [aMember(0), aMember(1), gated] })), ['open gate cb-0002']);
  });

  it('tells the names, the next index and the conditions in the status', () => {
    const { status } = plan({ spec: IN_PLACE, members: [aMember(0), marked(1), aMember(2)] });
    assert.deepEqual(status, {
      size: 3,
      members: { ready: ['cb-0000', 'cb-0002'], unready: ['cb-0001'] },
      nextMemberIndex: 3,
      conditions: [
        { type: 'Available', status: 'False' },
        { type: 'Balanced', status: 'False' },
        { type: 'Rebalancing', status: 'False' },
      ],
    });
    assert.equal(plan({ members: [aMember(0), marked(1), aMember(2)] }).status?.nextMemberIndex, 4);
    assert.equal(plan({ spec: { paused: true } }).status, undefined);
  });
});
