import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Instance } from '../../../../rehearsal/evidence/pod-watch.ts';
import { ObservedDrains, observedChecks } from '../../../../rehearsal/scenarios/observation/observed-drains.ts';

const ANNOTATION = { key: 'k', value: 'true' };

function instance(uid: string, over: Partial<Instance> = {}): Instance {
  return {
    namespace: 'db',
    name: 'cb-0000',
    uid,
    node: 'a',
    phase: 'Running',
    ready: true,
    terminating: false,
    labels: {},
    annotations: {},
    conditions: [],
    gates: [],
    isGone: false,
    ...over,
  };
}

/** One pod on node a, which is cordoned while it is watched. */
function aDrain(): ObservedDrains {
  const observed = new ObservedDrains();
  observed.node('a', false, []);
  assert.equal(observed.node('a', true, [instance('one')]), true);
  assert.equal(observed.node('a', true, [instance('one'), instance('two')]), false, 'the same cordon again');
  return observed;
}

const problems = (observed: ObservedDrains, instances: readonly Instance[]) =>
  observedChecks(observed, instances, ANNOTATION).flatMap((check) => check.problems);

describe('a drain that was watched', () => {
  it('is safe where the pod was marked before it left', () => {
    const observed = aDrain();
    observed.marked('one');
    assert.deepEqual(problems(observed, [instance('one', { isGone: true }), instance('two', { node: 'b' })]), []);
  });

  it('is not where a pod left without a mark', () => {
    assert.deepEqual(problems(aDrain(), [instance('one', { isGone: true })]), [
      'db/cb-0000 (one) left without having been marked',
    ]);
  });

  it('is not while a pod is still there, or marked elsewhere', () => {
    const annotations = { k: 'true' };
    assert.deepEqual(problems(aDrain(), [instance('one'), instance('two', { node: 'b', annotations })]), [
      'db/cb-0000 (one) is still on a',
      'db/cb-0000 (two) is marked to be moved once more',
    ]);
  });

  it('does not count a node that was cordoned before anybody watched', () => {
    const observed = new ObservedDrains();
    assert.equal(observed.node('a', true, [instance('one')]), false);
    assert.deepEqual(problems(observed, [instance('one')]), [
      'no node with protected pods was cordoned, so nothing was seen',
    ]);
    observed.node('a', false, []);
    assert.equal(observed.node('a', true, [instance('one')]), true);
  });
});
