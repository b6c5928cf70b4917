import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeHold, firstPolicy, firstWord, POLICY_KEY, policyIn } from '../../src/policy/policy-annotation.ts';

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
      assert.equal(policyIn(value === undefined ? {} : { [POLICY_KEY]: value }).policy, word));
  }

  test('an object without annotations says nothing', () => {
    assert.deepEqual(policyIn(undefined), {});
    assert.deepEqual(policyIn(null), {});
  });
});

describe('what is said of a pod that is held', () => {
  for (const value of ['hold', 'hold, ignore', 'Ignore,hold'])
    test(`${value}: that the annotation says hold`, () =>
      assert.equal(describeHold(policyIn({ [POLICY_KEY]: value })), 'says hold'));

  for (const [value, shown] of [
    ['Ignore', '"Ignore"'],
    ['true', '"true"'],
    ['ignore,', '"ignore,"'],
    ['"ignore"', '"\\"ignore\\""'],
    ['ignore\u200b\n2026-01-01 ERROR', '"ignore?2026-01-01 E..."'],
    ['Eviction triggered evacuation', '"Eviction triggered e..."'],
    ['x'.repeat(250_000), `"${'x'.repeat(20)}..."`],
    ['ignore,'.repeat(50), '"ignore,ignore,ignore..."'],
  ] as const)
    test(`${JSON.stringify(value).slice(0, 30)}: the value, short and printable`, () =>
      assert.equal(
        describeHold(policyIn({ [POLICY_KEY]: value })),
        `is ${shown}, which is neither ignore nor hold and counts as hold`,
      ));

  test('ignore has no value to show', () =>
    assert.deepEqual(policyIn({ [POLICY_KEY]: 'ignore' }), { policy: 'ignore' }));
});

test('the first place that says anything counts', () => {
  assert.equal(firstWord({}, undefined, { policy: 'hold' }, { policy: 'ignore' }), 'hold');
  assert.equal(firstWord({ policy: 'ignore' }, { policy: 'hold' }), 'ignore');
  assert.equal(firstWord({}, undefined), undefined);
  const mistyped = { policy: 'hold', policyValue: 'Ignore' } as const;
  assert.equal(firstPolicy({}, mistyped, { policy: 'ignore' }), mistyped);
});
