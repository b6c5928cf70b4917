import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatSelector, matches, parseSelector } from '../../src/policy/selector.ts';

describe('label selectors', () => {
  const labels = { app: 'couchbase', tier: 'db' };
  const cases: readonly (readonly [string, boolean])[] = [
    ['app=couchbase', true],
    ['app==couchbase', true],
    ['app=other', false],
    ['app!=other', true],
    ['app!=couchbase', false],
    ['missing!=x', true],
    ['app in (couchbase, redis)', true],
    ['app in (redis)', false],
    ['app notin (redis)', true],
    ['missing notin (x)', true],
    ['tier', true],
    ['!tier', false],
    ['!missing', true],
    ['app=couchbase,tier=db', true],
    ['app=couchbase,tier=web', false],
    ['app in (a,couchbase),!missing', true],
    ['example.com/role', false],
    ['empty=', false],
  ];
  for (const [text, expected] of cases) {
    test(`${text} ${expected ? 'matches' : 'does not match'}`, () =>
      assert.equal(matches(parseSelector(text), labels), expected));
  }

  test('names of Object.prototype are no labels', () => {
    assert.equal(matches(parseSelector('constructor'), {}), false);
    assert.equal(matches(parseSelector('toString!=x'), {}), true);
  });

  for (const text of [
    '',
    ' ',
    'a=b=c',
    'a in b',
    'a in (b',
    '=x',
    'a=b c',
    ',',
    'a,,b',
    'a in (b;c)',
    'a/b/c=d',
    '-a=b',
    'a..b/c=d',
    'a.-b/c',
    `${'a'.repeat(254)}/b=c`,
  ]) {
    test(`${JSON.stringify(text)} is refused`, () => assert.throws(() => parseSelector(text)));
  }

  test('what is written reads the same', () => {
    const key = fc.stringMatching(/^[a-z]([a-z.-]{0,10}[a-z])?$/);
    const value = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,10}[A-Za-z0-9])?$/);
    const requirement = fc.oneof(
      fc.record({
        op: fc.constantFrom('in' as const, 'notIn' as const),
        key,
        values: fc.array(value, { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ op: fc.constantFrom('exists' as const, 'missing' as const), key }),
    );
    fc.assert(
      fc.property(fc.array(requirement, { minLength: 1, maxLength: 4 }), (selector) => {
        assert.deepEqual(parseSelector(formatSelector(selector)), structuredClone(selector));
      }),
    );
  });

  test('never hangs and never throws anything but an Error', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        try {
          parseSelector(text);
        } catch (error) {
          assert.ok(error instanceof Error);
        }
      }),
    );
  });
});
