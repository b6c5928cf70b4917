import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Instance } from '../../src/rehearsal/pod-watch.ts';
import { viewPod } from '../../src/rehearsal/pods.ts';
import { movesByPod, type Outcome, problemsOf, refusalsIn } from '../../src/rehearsal/verdict.ts';

const ANNOTATION = { key: 'move', value: 'true' };

function anInstance(name: string, uid: string, over: Partial<Instance> = {}): Instance {
  return { ...viewPod({ metadata: { name, uid }, spec: { nodeName: 'node-2' } }), isGone: false, ...over };
}

/** One pod on node-1, moved in place to node-2 by its operator. */
const old = anInstance('cb-1', 'old', { node: 'node-1', isGone: true });
const safe: Outcome = {
  drainCode: 0,
  node: 'node-1',
  drained: new Set(['old']),
  instances: [old, anInstance('cb-1', 'new'), anInstance('cb-0', 'other')],
  deletedByOperator: new Set(['old']),
  deletedBefore: new Set(),
  annotation: ANNOTATION,
};

describe('the verdict on a drain', () => {
  const table: [string, Partial<Outcome>, RegExp[]][] = [
    ['a move in place is safe', {}, []],
    ['the drainer failed', { drainCode: 1 }, [/^the drain ended with exit code 1$/]],
    ['a pod was evicted', { deletedByOperator: new Set() }, [/cb-1 \(old\) was evicted/]],
    [
      'a pod elsewhere was evicted',
      { instances: [...safe.instances, anInstance('cb-2', 'x', { isGone: true })] },
      [/cb-2 \(x\) was evicted/],
    ],
    ['the pod is still there', { instances: [{ ...old, isGone: false }] }, [/cb-1 \(old\) is still on node-1/]],
    [
      'its successor is there',
      { instances: [old, anInstance('cb-1', 'new', { node: 'node-1' })] },
      [/cb-1 \(new\) is still on node-1/],
    ],
    [
      'it was moved twice',
      {
        instances: [old, anInstance('cb-1', 'mid', { isGone: true }), anInstance('cb-1', 'new')],
        deletedByOperator: new Set(['old', 'mid']),
      },
      [/cb-1 \(mid\) was moved although it was not on node-1/],
    ],
    [
      'it is about to be moved again',
      { instances: [old, anInstance('cb-1', 'new', { annotations: { move: 'true' } })] },
      [/marked to be moved once more/],
    ],
    [
      'what was deleted before the drain does not count',
      {
        instances: [old, anInstance('cb-9', 'before', { isGone: true })],
        deletedByOperator: new Set(['old', 'before']),
        deletedBefore: new Set(['before']),
      },
      [],
    ],
    ['nothing was rehearsed', { drained: new Set(), instances: [] }, [/nothing was rehearsed/]],
  ];
  for (const [name, change, expected] of table) {
    it(name, () => {
      const problems = problemsOf({ ...safe, ...change });
      assert.equal(problems.length, expected.length, problems.join('; '));
      for (const [i, pattern] of expected.entries()) assert.match(problems[i] ?? '', pattern);
    });
  }

  it('counts the moves of each pod and the refusals of its namespace', () => {
    assert.deepEqual([...movesByPod(safe)], [['cb-1', 1]]);
    const lines = [
      { message: '', namespace: 'db', decision: 'mark' },
      { message: '', namespace: 'db', decision: 'deny', code: 429 },
      { message: '', namespace: 'db', decision: 'deny', code: 404 },
      { message: '', namespace: 'db', decision: 'allow' },
      { message: '', namespace: 'default', decision: 'deny', code: 429 },
      { message: 'TypeError' },
    ];
    assert.equal(refusalsIn(lines, 'db'), 2);
  });
});
