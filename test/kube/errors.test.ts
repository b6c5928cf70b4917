import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError, ApiUnreachableError, describeError, isContentRefused, isNotFound } from '../../src/kube/errors.ts';

const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:6443'), { code: 'ECONNREFUSED' });

describe('describeError', () => {
  for (const [what, error, expected] of [
    ['a plain error', new Error('it broke'), 'it broke'],
    ['a code that the message has', refused, 'connect ECONNREFUSED 10.0.0.1:6443'],
    ['a code that it has not', Object.assign(new Error('no'), { code: 'E_NO' }), 'no (E_NO)'],
    ['an empty message with a cause', new Error('', { cause: refused }), 'connect ECONNREFUSED 10.0.0.1:6443'],
    ['several errors in one', Object.assign(new AggregateError([refused]), { code: 'X' }), 'AggregateError (X)'],
    ['a string', 'thrown', 'thrown'],
    ['undefined', undefined, 'undefined'],
    ['an API error', new ApiError(500, 'GET /x', { message: 'boom' }), 'GET /x: 500 boom'],
    ['no answer', new ApiUnreachableError('GET /x', new Error('socket hang up')), 'GET /x: socket hang up'],
  ] as const) {
    test(`tells of ${what}`, () => assert.equal(describeError(error), expected));
  }
});

test('isContentRefused is what validation or admission refuses, with whatever code', () => {
  const by = 'admission webhook "w.x.svc" denied the request';
  for (const [code, message, expected] of [
    [400, 'bad', true],
    [422, 'is invalid', true],
    [403, 'is forbidden: exceeded quota: count/events', true],
    [403, 'User "x" cannot patch resource "pods"', false],
    [404, 'pods "a" not found', false],
    [404, `${by}: no`, true],
    [409, 'the object has been modified', false],
    [409, `${by} without explanation`, true],
    [409, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", true],
    [429, `${by}: later`, false],
  ] as const)
    assert.equal(isContentRefused(new ApiError(code, 'PATCH /x', { message })), expected, `${code} ${message}`);
});

test('isNotFound is the 404 of the API server only', () => {
  assert.equal(isNotFound(new ApiError(404, 'GET', undefined)), true);
  assert.equal(isNotFound(new ApiError(410, 'GET', undefined)), false);
  assert.equal(isNotFound(Object.assign(new Error('x'), { code: 404 })), false);
});
