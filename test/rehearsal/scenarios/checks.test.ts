import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Instance } from '../../../rehearsal/evidence/pod-watch.ts';
import * as rules from '../../../rehearsal/scenarios/checks.ts';
import { aMember, safe as aSeen } from '../evidence/a-seen.ts';

const web = (uid: string, over: Partial<Instance> = {}) => aMember(`web-${uid}`, uid, { labels: {}, ...over });
/** A pod of a Job, with the label that the hook selects by, and one of a DaemonSet. */
const ofJob = aMember('backup-x', 'j', {
  labels: { app: 'couchbase', 'batch.kubernetes.io/job-name': 'backup' },
  node: 'node-1',
  isGone: true,
});
const daemon = aMember('agent-x', 'd', { labels: { app: rules.DAEMON_APP }, node: 'node-1' });

/** One pod moved in place from node-1 to node-2, and one of nobody's evicted there. */
const safe: rules.ScenarioSeen = {
  ...aSeen,
  others: [web('a', { node: 'node-1', isGone: true }), web('b'), ofJob, daemon],
  availability: [{ cluster: 'cb', points: [{ afterMs: 0, ready: 2, wanted: 3 }] }],
  names: { process: 'in-place', atOnce: 1 },
  entries: ['reschedule.hook/db.cb-1'],
  inHook: { answers: 3, sumMs: 90, busyMs: 40, drainMs: 1_000 },
  refusals: 0,
};
const still: rules.ScenarioSeen = { ...safe, deletedAt: new Map(), members: [], others: [], entries: [] };

describe('the checks of scenarios', () => {
  const up = [{ cluster: 'cb', points: [{ afterMs: 0, ready: 4, wanted: 3 }] }];
  const down = [{ cluster: 'cb', points: [{ afterMs: 1_000, ready: 1, wanted: 3 }] }];
  const table: [string, rules.Rule, rules.ScenarioSeen, Partial<rules.ScenarioSeen>, RegExp][] = [
    ['two members were down', rules.available(1), safe, { availability: down }, /1 of 3 ready after 1 s/],
    ['a member was down at all', rules.available(0), { ...safe, availability: up }, { availability: down }, /1 of 3/],
    ['nobody looked', rules.available(1), safe, { availability: [] }, /nobody looked/],
    ['an entry is missing', rules.entriesFit('in-place'), safe, { entries: [] }, /cb-1 has no entry/],
    ['an entry is left', rules.entriesFit('swap'), still, { entries: ['x/db.cb-1'] }, /x\/db.cb-1 remains/],
    ['another pod stayed', rules.othersEvicted, safe, { others: [web('a', { node: 'node-1' })] }, /none of them/],
    ['no pod of a Job went', rules.jobEvicted, safe, { others: [{ ...ofJob, isGone: false }] }, /none has left/],
    [
      'a pod of a Job was marked',
      rules.jobEvicted,
      safe,
      { others: [{ ...ofJob, annotations: { move: 'true' } }] },
      /backup-x \(j\) was marked/,
    ],
    ['a daemon is gone', rules.daemonsStayed, safe, { others: [{ ...daemon, isGone: true }] }, /has left node-1/],
    ['there was no daemon', rules.daemonsStayed, safe, { others: [] }, /there was none/],
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
});
