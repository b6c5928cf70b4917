import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatPath, type HindranceReport, readPath, wordFor } from '../../src/policy/profiles/hindrance.ts';

describe('the path of a field', () => {
  for (const [text, steps] of [
    ['spec', ['spec']],
    ['spec.paused', ['spec', 'paused']],
    ['status.conditions[Ready]', ['status', 'conditions', 'Ready'], 'status.conditions.Ready'],
    ['status.conditions[Ready].reason', ['status', 'conditions', 'Ready', 'reason'], 'status.conditions.Ready.reason'],
    ['metadata.annotations[a.b/c]', ['metadata', 'annotations', 'a.b/c']],
    ['[a.b].c', ['a.b', 'c']],
  ] as const) {
    test(`${text} is read, and written as it can be read again`, () => {
      assert.deepEqual(readPath(text), steps);
      assert.deepEqual(readPath(formatPath(steps)), steps);
    });
  }
  for (const text of ['', '.', '.a', 'a.', 'a..b', 'a[', 'a[]', 'a]b', 'a[b[c]]', 'a.[']) {
    test(`"${text}" is none`, () => assert.equal(readPath(text), undefined));
  }
});

describe('what a custom resource reports', () => {
  const object = {
    spec: { paused: true, size: 3 },
    status: {
      phase: 'Error',
      conditions: [
        { type: 'Ready', status: 'False', reason: 'Rolling' },
        { type: 'Paused', status: 'True' },
      ],
    },
  };
  const word = (at: string, is: string) => wordFor(object, [{ path: readPath(at) ?? [], is, word: 'Hit' }]);
  for (const [at, is, expected] of [
    ['spec.paused', 'true', 'Hit'],
    ['spec.paused', 'True', undefined],
    ['spec.size', '3', 'Hit'],
    ['status.phase', 'Error', 'Hit'],
    ['status.conditions[Ready]', 'False', 'Hit'],
    ['status.conditions[Ready].reason', 'Rolling', 'Hit'],
    ['status.conditions[Paused]', 'False', undefined],
    ['status.conditions[Other]', 'True', undefined],
    ['spec', 'true', undefined],
    ['spec.paused.more', 'true', undefined],
    ['spec.toString', 'true', undefined],
    ['nothing.at.all', 'undefined', undefined],
  ] as const) {
    test(`${at} ${is}: ${expected}`, () => assert.equal(word(at, is), expected));
  }

  test('is the first of several', () => {
    const reports: HindranceReport[] = [
      { path: ['status', 'phase'], is: 'Fine', word: 'Fine' },
      { path: ['spec', 'paused'], is: 'true', word: 'Paused' },
      { path: ['status', 'phase'], is: 'Error', word: 'Error' },
    ];
    assert.equal(wordFor(object, reports), 'Paused');
  });

  for (const odd of [undefined, null, 'text', 7, [], { status: null }, { status: { conditions: [null, 'x', {}] } }]) {
    test(`is nothing where the object is ${JSON.stringify(odd)}`, () => {
      assert.equal(wordFor(odd, [{ path: ['status', 'conditions', 'Ready'], is: 'True', word: 'Hit' }]), undefined);
    });
  }
});
