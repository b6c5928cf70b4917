import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { conflictsOf, rivalsIn, type WebhookRule } from '../../../src/policy/profiles/rivals.ts';

const RULE: WebhookRule = {
  operations: ['CREATE'],
  apiGroups: [''],
  apiVersions: ['v1'],
  resources: ['pods/eviction'],
  scope: 'Namespaced',
};
const NAMES = new Set(['cleaner', 'evict.example.com']);
const found = (registration: string, webhooks: Parameters<typeof rivalsIn>[1]) => [
  ...rivalsIn(registration, webhooks, NAMES),
];

describe('a rival', () => {
  test('has the name of its webhook, or of its registration', () => {
    assert.deepEqual(found('other', [{ name: 'evict.example.com', rules: [RULE] }]), [['evict.example.com', 1]]);
    assert.deepEqual(found('cleaner', [{ name: 'a.b.c', rules: [RULE] }]), [['cleaner', 1]]);
    assert.deepEqual(found('cleaner', [{ name: 'evict.example.com', rules: [RULE] }]), [
      ['cleaner', 1],
      ['evict.example.com', 1],
    ]);
    assert.deepEqual(found('other', [{ name: 'a.b.c', rules: [RULE] }]), []);
  });

  test('is counted by webhooks, however many there are', () => {
    const webhooks = Array.from({ length: 5_000 }, (_, i) => ({ name: `w${i}.example.com`, rules: [RULE] }));
    assert.deepEqual(found('cleaner', webhooks), [['cleaner', 5_000]]);
  });

  test('a name that two profiles have is one', () => {
    assert.deepEqual([...conflictsOf([{ conflicts: ['a', 'b'] }, { conflicts: ['b'] }])], ['a', 'b']);
  });
});

describe('of its rules, one has to be about the creation of pods/eviction', () => {
  for (const [what, rules, isRival] of [
    ['that', [RULE], true],
    ['everything, in stars', [{ ...RULE, operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], scope: '*' }], true],
    ['every subresource of pods', [{ ...RULE, resources: ['pods/*'] }], true],
    ['evictions of everything', [{ ...RULE, resources: ['*/eviction'] }], true],
    ['every subresource', [{ ...RULE, resources: ['*/*'] }], true],
    ['no scope', [{ ...RULE, scope: undefined }].map(({ scope: _, ...rule }) => rule), true],
    ['the second of two', [{ ...RULE, resources: ['pods'] }, RULE], true],
    ['pods', [{ ...RULE, resources: ['pods'] }], false],
    ['everything but subresources', [{ ...RULE, resources: ['*'] }], false],
    ['deletions', [{ ...RULE, operations: ['DELETE'] }], false],
    ['another group', [{ ...RULE, apiGroups: ['policy'] }], false],
    ['another version', [{ ...RULE, apiVersions: ['v2'] }], false],
    ['what is in no namespace', [{ ...RULE, scope: 'Cluster' }], false],
    ['a rule without anything', [{}], false],
    ['no rules', [], false],
  ] as const) {
    test(`${what}: ${isRival ? 'a rival' : 'none'}`, () => {
      assert.equal(found('other', [{ name: 'evict.example.com', rules }]).length, Number(isRival));
    });
  }

  test('webhooks without any field are none', () => {
    assert.deepEqual(found('cleaner', [{}, {}]), []);
  });
});
