import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EvictionResponse, Stay } from '../../../rehearsal/evidence/history.ts';
import { type Leave, rightlyEvicted } from '../../../rehearsal/scenarios/evictions.ts';
import { aMember } from '../evidence/a-seen.ts';

const gone = aMember('cb-1', 'old', { isGone: true });
const stays: readonly Stay[] = [{ uid: 'old', name: 'cb-1', node: 'node-1', from: 0, to: 300 }];
const ofHook: Leave = { by: 'hook', hadLetGo: (uid, at) => uid === 'old' && at >= 100, hookUser: 'hook' };
const ofDrainer: Leave = { ...ofHook, by: 'drainer' };

const allowed = (user: string, to: number, over: Partial<EvictionResponse> = {}): EvictionResponse => ({
  pod: 'cb-1',
  code: 201,
  text: '',
  from: to - 1,
  to,
  sender: 'drainer',
  user,
  ...over,
});

/** When the instance was rightly evicted; undefined if it was not. */
const at = (leave: Leave, ...responses: EvictionResponse[]) =>
  rightlyEvicted({ responses, stays }, [gone], leave).get('old');

describe('evictions that are right', () => {
  it('are by the hook, after the report of the operator', () => {
    assert.equal(at(ofHook, allowed('hook', 200)), 200);
    assert.equal(at(ofHook, allowed('hook', 99)), undefined);
    assert.equal(at({ ...ofHook, hadLetGo: () => false }, allowed('hook', 200)), undefined);
  });

  it('are by nobody else there, not even beside the hook', () => {
    assert.equal(at(ofHook, allowed('admin', 200)), undefined);
    assert.equal(at(ofHook, allowed('admin', 150), allowed('hook', 200)), undefined);
    assert.equal(at(ofHook, allowed('hook', 150), allowed('admin', 200)), undefined);
    assert.equal(at({ ...ofHook, hookUser: undefined }, allowed('hook', 200)), undefined);
  });

  it('are by a drainer where the pod has lost its role, and not by the hook', () => {
    assert.equal(at(ofDrainer, allowed('admin', 200)), 200);
    assert.equal(at(ofDrainer, allowed('admin', 99)), undefined);
    assert.equal(at(ofDrainer, allowed('hook', 200)), undefined);
  });

  it('are none where the operator deletes', () => {
    for (const user of ['hook', 'admin'])
      assert.equal(at({ ...ofHook, by: 'operator' }, allowed(user, 200)), undefined);
  });

  it('are not those of what was ending already, of another name, or of an instance that came later', () => {
    assert.equal(at(ofHook, allowed('hook', 200), allowed('admin', 250, { endsNothing: true })), 200);
    assert.equal(at(ofHook, allowed('hook', 200), allowed('admin', 250, { pod: 'cb-2' })), 200);
    assert.equal(at(ofHook, allowed('hook', 200), allowed('admin', 302)), 200);
  });

  it('are none of an instance that is there, that nobody evicted, or that a refused request was about', () => {
    assert.equal(
      rightlyEvicted({ responses: [allowed('hook', 200)], stays }, [aMember('cb-1', 'old')], ofHook).size,
      0,
    );
    assert.equal(at(ofHook), undefined);
    assert.equal(at(ofHook, allowed('hook', 200, { code: 429 })), undefined);
  });
});
