import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Instance } from '../../../src/rehearsal/pod-watch.ts';
import { viewPod } from '../../../src/rehearsal/pods.ts';
import * as rules from '../../../src/rehearsal/scenarios/checks.ts';

function anInstance(name: string, uid: string, over: Partial<Instance> = {}): Instance {
  const metadata = { name, uid, labels: { app: 'couchbase' } };
  return { ...viewPod({ metadata, spec: { nodeName: 'node-2' } }), isGone: false, ...over };
}

const web = (uid: string, over: Partial<Instance> = {}) => anInstance(`web-${uid}`, uid, { labels: {}, ...over });
const old = anInstance('cb-1', 'old', { node: 'node-1', isGone: true });

/** One pod moved in place from node-1 to node-2, and one of nobody's evicted there. */
const safe: rules.Seen = {
  drains: [{ node: 'node-1', drained: new Set(['old']), code: 0, isCut: false }],
  instances: [old, anInstance('cb-1', 'new'), web('a', { node: 'node-1', isGone: true }), web('b')],
  deletedByOperator: new Set(['old']),
  deletedBefore: new Set(),
  annotation: { key: 'move', value: 'true' },
  availability: [{ cluster: 'cb', points: [{ afterMs: 0, ready: 2, wanted: 3 }] }],
  entries: ['reschedule.hook/db.cb-1'],
};
const still: rules.Seen = { ...safe, deletedByOperator: new Set(), instances: [], entries: [] };

describe('the checks of scenarios', () => {
  const drain = { node: 'node-1', drained: new Set(['old']), code: 1, isCut: false };
  const again = anInstance('cb-1', 'mid', { isGone: true });
  const down = [{ cluster: 'cb', points: [{ afterMs: 1_000, ready: 1, wanted: 3 }] }];
  const table: [string, rules.Rule, rules.Seen, Partial<rules.Seen>, RegExp][] = [
    ['nothing was rehearsed', rules.rehearsed, safe, { drains: [] }, /nothing was rehearsed/],
    ['a drain failed', rules.drainsEnded, safe, { drains: [drain] }, /node-1: exit code 1/],
    ['every drain was cut', rules.drainsEnded, safe, { drains: [{ ...drain, isCut: true }] }, /no drain came/],
    ['a pod was evicted', rules.nobodyEvicted, safe, { deletedByOperator: new Set() }, /cb-1 \(old\) was evicted/],
    ['a pod is left', rules.nodesEmpty, safe, { instances: [{ ...old, isGone: false }] }, /still on node-1/],
    [
      'a pod was moved twice',
      rules.movedOnce,
      safe,
      { instances: [old, again], deletedByOperator: new Set(['old', 'mid']) },
      /cb-1 \(mid\) was moved although/,
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
