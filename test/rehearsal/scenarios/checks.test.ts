import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Instance } from '../../../src/rehearsal/pod-watch.ts';
import { viewPod } from '../../../src/rehearsal/pods.ts';
import * as rules from '../../../src/rehearsal/scenarios/checks.ts';

function anInstance(name: string, uid: string, over: Partial<Instance> = {}): Instance {
  const metadata = { name, uid, labels: { app: 'couchbase', couchbase_server: 'true' } };
  return { ...viewPod({ metadata, spec: { nodeName: 'node-2' } }), isGone: false, ...over };
}

const web = (uid: string, over: Partial<Instance> = {}) => anInstance(`web-${uid}`, uid, { labels: {}, ...over });
const old = anInstance('cb-1', 'old', { node: 'node-1', isGone: true });

const drain: rules.DrainSeen = {
  node: 'node-1',
  drained: new Set(['old']),
  beganAt: 100,
  endedAt: 300,
  code: 0,
  isCut: false,
  left: [],
};
/** A pod of a Job, with the label that the hook selects by, and one of a DaemonSet. */
const ofJob = anInstance('backup-x', 'j', {
  labels: { app: 'couchbase', 'batch.kubernetes.io/job-name': 'backup' },
  node: 'node-1',
  isGone: true,
});
const daemon = anInstance('agent-x', 'd', { labels: { app: rules.DAEMON_APP }, node: 'node-1' });

/** One pod moved in place from node-1 to node-2, and one of nobody's evicted there. */
const safe: rules.Seen = {
  drains: [drain],
  instances: [old, anInstance('cb-1', 'new'), web('a', { node: 'node-1', isGone: true }), web('b'), ofJob, daemon],
  deletedAt: new Map([['old', 200]]),
  startedAt: 50,
  givenBack: new Set(),
  annotation: { key: 'move', value: 'true' },
  availability: [{ cluster: 'cb', points: [{ afterMs: 0, ready: 2, wanted: 3 }] }],
  entries: ['reschedule.hook/db.cb-1'],
  inHook: { answers: 3, sumMs: 90, busyMs: 40, drainMs: 1_000 },
};
const still: rules.Seen = { ...safe, deletedAt: new Map(), instances: [], entries: [] };

describe('the checks of scenarios', () => {
  /** The same name again, as it was moved off its node at that time. */
  const moved = (node: string, at: number) => ({
    instances: [old, anInstance('cb-1', 'mid', { isGone: true, node })],
    deletedAt: new Map([...safe.deletedAt, ['mid', at]]),
  });
  const later: rules.DrainSeen = { ...drain, node: 'node-2', beganAt: 500, endedAt: 700 };
  const down = [{ cluster: 'cb', points: [{ afterMs: 1_000, ready: 1, wanted: 3 }] }];
  const table: [string, rules.Rule, rules.Seen, Partial<rules.Seen>, RegExp][] = [
    ['nothing was rehearsed', rules.rehearsed, safe, { drains: [] }, /nothing was rehearsed/],
    ['a drain failed', rules.drainsEnded, safe, { drains: [{ ...drain, code: 1 }] }, /node-1: exit code 1/],
    ['every drain was cut', rules.drainsEnded, safe, { drains: [{ ...drain, isCut: true }] }, /no drain came/],
    ['a pod was evicted', rules.nobodyEvicted, safe, { deletedAt: new Map() }, /cb-1 \(old\) was evicted/],
    ['a pod is left', rules.nodesEmpty, safe, { instances: [{ ...old, isGone: false }] }, /still on node-1/],
    [
      'a pod was on a drained node at its end',
      rules.nodesEmpty,
      safe,
      { drains: [{ ...drain, left: ['cb-1'] }], givenBack: new Set(['node-1']) },
      /cb-1 was on node-1 when its drain had ended/,
    ],
    [
      'a pod was moved off a node that nobody drained',
      rules.movedOnce,
      safe,
      moved('node-2', 250),
      /mid\) was moved although/,
    ],
    ['a pod was moved after the drain', rules.movedOnce, safe, moved('node-1', 400), /mid\) was moved although/],
    [
      'a pod was moved before the drain of its node',
      rules.movedOnce,
      safe,
      { ...moved('node-2', 400), drains: [drain, later] },
      /mid\) was moved although/,
    ],
    ['a pod was moved twice for one drain', rules.movedOnce, safe, moved('node-1', 250), /mid\) was moved for a drain/],
    [
      'a pod was moved twice for a drain that was run again',
      rules.movedOnce,
      safe,
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
      rules.nobodyMarked,
      safe,
      { instances: [anInstance('cb-1', 'new', { annotations: { move: 'true' } })] },
      /marked to be moved once more/,
    ],
    ['two members were down', rules.available(1), safe, { availability: down }, /1 of 3 ready after 1 s/],
    ['nobody looked', rules.available(1), safe, { availability: [] }, /nobody looked/],
    ['an entry is missing', rules.entriesFit('in-place'), safe, { entries: [] }, /cb-1 has no entry/],
    ['an entry is left', rules.entriesFit('swap'), still, { entries: ['x/db.cb-1'] }, /x\/db.cb-1 is left over/],
    ['another pod stayed', rules.othersEvicted, safe, { instances: [web('a', { node: 'node-1' })] }, /none of them/],
    ['no pod of a Job went', rules.jobEvicted, safe, { instances: [{ ...ofJob, isGone: false }] }, /none has left/],
    [
      'a pod of a Job was marked',
      rules.jobEvicted,
      safe,
      { instances: [{ ...ofJob, annotations: { move: 'true' } }] },
      /backup-x \(j\) was marked/,
    ],
    ['a daemon is gone', rules.daemonsStayed, safe, { instances: [{ ...daemon, isGone: true }] }, /has left node-1/],
    ['there was no daemon', rules.daemonsStayed, safe, { instances: [] }, /there was none/],
    [
      'the hook had an answer in hand for too long',
      rules.hookBusyBelow(5),
      safe,
      { inHook: { ...safe.inHook, busyMs: 50 } },
      /it was 5.0 %/,
    ],
    [
      'the hook was not asked',
      rules.hookBusyBelow(5),
      safe,
      { inHook: { answers: 0, sumMs: 0, busyMs: 0, drainMs: 1_000 } },
      /it was not asked/,
    ],
    ['a pod was moved', rules.nobodyMoved, still, { ...safe }, /cb-1 was moved/],
    ['something was remembered', rules.nothingRemembered, still, { entries: ['x'] }, /x was written/],
  ];
  for (const [name, rule, good, change, problem] of table) {
    it(`see it where ${name}`, () => {
      assert.deepEqual(rule(good).problems, []);
      assert.equal(rule(good).holds, true);
      const bad = rule({ ...good, ...change });
      assert.equal(bad.holds, false);
      assert.match(bad.problems.join('; '), problem);
    });
  }

  const fine: [string, Partial<rules.Seen>][] = [
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
    it(`have nothing against a pod that was moved ${name}`, () => {
      assert.deepEqual(rules.movedOnce({ ...safe, ...change }).problems, []);
    });
  }

  it('have nothing against pods on a node that was given back', () => {
    const seen = { ...safe, instances: [anInstance('cb-1', 'new', { node: 'node-1' })] };
    assert.equal(rules.nodesEmpty(seen).holds, false);
    assert.deepEqual(rules.nodesEmpty({ ...seen, givenBack: new Set(['node-1']) }).problems, []);
  });
});
