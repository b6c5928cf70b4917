import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MarkMemory } from '../../src/cache/mark-memory.ts';
import { aPod, NOW } from '../support/builders.ts';

const begin = (memory: MarkMemory, nodeUid: string, count = 1) =>
  memory.begin({ podKey: 'db/cb-0000', pod: aPod(), at: NOW, marks: 1, return: { nodeUid, count } });

describe('MarkMemory', () => {
  test('keeps the time of the first mark of an instance, and not of the one before it', () => {
    const memory = new MarkMemory(() => true);
    const mark = (uid: string, at: number, marks: number) =>
      memory.begin({ podKey: 'db/cb-0000', pod: aPod({ uid }), at, marks });
    mark('uid-a', NOW, 1);
    mark('uid-a', NOW + 5, 2);
    assert.deepEqual(memory.get('db/cb-0000', 'uid-a'), { uid: 'uid-a', at: NOW, marks: 2, isLost: false });
    mark('uid-a', NOW + 6, 1);
    assert.equal(memory.get('db/cb-0000', 'uid-a')?.at, NOW + 6, 'the marks before it had failed');
    mark('uid-b', NOW + 9, 1);
    assert.equal(memory.get('db/cb-0000', 'uid-a'), undefined);
    assert.equal(memory.get('db/cb-0000', 'uid-b')?.at, NOW + 9);
  });

  test('counts returns by namespace and node, and drops the oldest of more than 1,000 nodes', () => {
    const memory = new MarkMemory(() => true);
    for (let i = 0; i <= 1_000; i++) begin(memory, `node-${i}`, i);
    assert.equal(memory.returnsTo('db', 'node-0'), undefined);
    assert.equal(memory.returnsTo('db', 'node-1'), 1);
    assert.equal(memory.returnsTo('db', 'node-1000'), 1_000);
    assert.equal(memory.returnsTo('other', 'node-1000'), undefined);
  });
});
