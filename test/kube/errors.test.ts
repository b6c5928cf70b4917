import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError, ApiUnreachableError, describeError, isNotFound } from '../../src/kube/errors.ts';

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

test('isNotFound is the 404 of the API server only', () => {
  assert.equal(isNotFound(new ApiError(404, 'GET', undefined)), true);
  assert.equal(isNotFound(new ApiError(410, 'GET', undefined)), false);
  assert.equal(isNotFound(Object.assign(new Error('x'), { code: 404 })), false);
});
