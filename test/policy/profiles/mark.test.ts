import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { markProblem, markValue, matchesMark } from '../../../src/policy/profiles/mark.ts';
import { aPod, NOW, without } from '../../support/builders.ts';

const pod = aPod({ name: 'db-12', labels: { app: 'x', 'example.com/shard': 's1' } });

describe('the value of a mark', () => {
  for (const [template, value] of [
    ['true', 'true'],
    ['{now}', '2026-01-01T12:00:00Z'],
    ['{uid}.{now}', 'uid-a.2026-01-01T12:00:00Z'],
    ['{node}', 'node-1'],
    ['{ordinal}', '12'],
    ['{label:example.com/shard}-{label:none}', 's1-'],
    ['$& $1 {', '$& $1 {'],
    ['{when}{}{label:}', '{when}{}{label:}'],
  ] as const) {
    test(template, () => assert.equal(markValue(template, pod, NOW), value));
  }

  test('what the pod does not have is empty', () => {
    const bare = without({ ...pod, name: 'db' }, 'node');
    assert.equal(markValue('{node}{ordinal}', bare, NOW), '');
  });
});

describe('whether a value is the mark', () => {
  const mark = { key: 'a/b', value: '{uid}', match: 'exact' } as const;
  test('exact: only the one of this instance', () => {
    assert.equal(matchesMark(mark, 'uid-a', pod), true);
    assert.equal(matchesMark(mark, 'uid-b', pod), false);
  });
  test('present: any', () => assert.equal(matchesMark({ ...mark, match: 'present' }, '', pod), true));
});

test('a time in a mark can only be there or not', () => {
  assert.equal(markProblem({ value: '{now}', match: 'present' }), undefined);
  assert.match(markProblem({ value: '{now}', match: 'exact' }) ?? '', /needs match: present/);
  assert.match(markProblem({ value: '{label:}', match: 'exact' }) ?? '', /has \{label:\}/);
});
