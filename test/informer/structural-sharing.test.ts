import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { sharing } from '../../src/informer/structural-sharing.ts';

const frozen = <T extends object>(object: T): T => {
  for (const part of Object.values(object)) Object.freeze(part);
  return Object.freeze(object);
};

describe('sharing', () => {
  test('takes from before what is as it was, and nothing else', () => {
    const before = frozen({ name: 'a', labels: { app: 'x' }, taints: ['p'], owner: { name: 'o' } as object, gone: {} });
    const now = frozen({
      name: 'b',
      labels: { app: 'x' },
      taints: ['p', 'q'],
      owner: { name: 'o', kind: 'k' },
      new: {},
    });
    const result = sharing<object>(before, now) as typeof now;
    assert.deepEqual(result, now);
    assert.equal(result.labels, before.labels);
    assert.equal(result.taints, now.taints);
    assert.equal(result.owner, now.owner);
    assert.ok(Object.isFrozen(result));
  });

  test('a list is not taken for an object, nor a key that is missing for one without a value', () => {
    assert.deepEqual(sharing<object>({ a: [] }, { a: {} }), { a: {} });
    assert.deepEqual(sharing<object>({ a: { x: undefined } }, { a: { y: undefined } }), { a: { y: undefined } });
    assert.deepEqual(sharing<object>({ a: null }, { a: {} }), { a: {} });
  });

  test('whatever was before, the result is what is now', () => {
    const value = fc.oneof(fc.string({ maxLength: 1 }), fc.nat(2), fc.boolean(), fc.constant(undefined));
    const part = fc.oneof(
      value,
      fc.dictionary(fc.constantFrom('x', 'y'), value, { noNullPrototype: true }),
      fc.array(value, { maxLength: 2 }),
    );
    const object = fc.dictionary(fc.constantFrom('a', 'b', 'c'), part, { noNullPrototype: true });
    fc.assert(fc.property(object, object, (before, now) => assert.deepEqual(sharing(before, now), now)));
  });
});
