import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isProtected } from '../../../src/policy/profiles/profile.ts';
import { aPod, SETTINGS } from '../../support/builders.ts';

describe('isProtected', () => {
  test('a member', () => assert.equal(isProtected(aPod(), SETTINGS), true));
  test('a backup Job with the same labels', () =>
    assert.equal(isProtected(aPod({ owner: { apiVersion: 'batch/v1', kind: 'Job', name: 'b' } }), SETTINGS), false));
});
