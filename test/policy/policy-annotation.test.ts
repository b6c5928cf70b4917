import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { firstWord, POLICY_KEY, policyIn } from '../../src/policy/policy-annotation.ts';

describe('policyIn', () => {
  for (const [value, word] of [
    [undefined, undefined],
    ['', undefined],
    ['ignore', 'ignore'],
    [' ignore ', 'ignore'],
    ['ignore,ignore', 'ignore'],
    ['hold', 'hold'],
    ['ignore,hold', 'hold'],
    ['hold, ignore', 'hold'],
    ['ignore,', 'hold'],
    ['Ignore', 'hold'],
    ['off', 'hold'],
    ['ignore,'.repeat(50), 'hold'],
    [true, undefined],
  ] as const) {
    test(`${JSON.stringify(value)?.slice(0, 30)} says ${word ?? 'nothing'}`, () =>
      assert.equal(policyIn(value === undefined ? {} : { [POLICY_KEY]: value }), word));
  }

  test('an object without annotations says nothing', () => {
    assert.equal(policyIn(undefined), undefined);
    assert.equal(policyIn(null), undefined);
  });
});

test('the first place that says anything counts', () => {
  assert.equal(firstWord({}, undefined, { policy: 'hold' }, { policy: 'ignore' }), 'hold');
  assert.equal(firstWord({ policy: 'ignore' }, { policy: 'hold' }), 'ignore');
  assert.equal(firstWord({}, undefined), undefined);
});
