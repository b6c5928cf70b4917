import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MarkMemory } from '../../../src/cache/memories/mark-memory.ts';
import { WITHDRAWN_AFTER_MS } from '../../../src/policy/entry-lifecycle.ts';
import { isMarked } from '../../../src/policy/profiles/profile.ts';
import { aMark, aPod, NOW } from '../../support/builders.ts';

const begin = (memory: MarkMemory, nodeUid: string, count = 1) =>
  memory.begin({ podKey: 'db/cb-0000', pod: aPod(), at: NOW, marks: 1, return: { nodeUid, count } });

describe('MarkMemory', () => {
  test('keeps the time of the first mark of an instance, and not of the one before it', () => {
    const memory = new MarkMemory(
      () => true,
      () => NOW,
    );
    const mark = (uid: string, at: number, marks: number) =>
      memory.begin({ podKey: 'db/cb-0000', pod: aPod({ uid }), at, marks });
    mark('uid-a', NOW, 1);
    mark('uid-a', NOW + 5, 2);
    assert.deepEqual(memory.get('db/cb-0000', 'uid-a'), {
      uid: 'uid-a',
      at: NOW,
      lastAt: NOW,
      marks: 2,
      isLost: false,
    });
    mark('uid-a', NOW + 6, 1);
    assert.equal(memory.get('db/cb-0000', 'uid-a')?.at, NOW + 6, 'the marks before it had failed');
    mark('uid-b', NOW + 9, 1);
    assert.equal(memory.get('db/cb-0000', 'uid-a'), undefined);
    assert.equal(memory.get('db/cb-0000', 'uid-b')?.at, NOW + 9);
  });

  test('forgets a mark that was taken away and not made again for three minutes', () => {
    let now = NOW;
    const memory = new MarkMemory(isMarked, () => now);
    const marked = aPod({ mark: aMark(0) });
    memory.begin({ podKey: 'db/cb-0000', pod: aPod(), at: NOW, marks: 1 });
    memory.observe({ kind: 'updated', key: 'db/cb-0000', before: marked, now: aPod() });
    now += WITHDRAWN_AFTER_MS;
    assert.equal(memory.get('db/cb-0000', 'uid-a')?.isLost, true);
    now += 1;
    assert.equal(memory.get('db/cb-0000', 'uid-a'), undefined);
  });

  test('notices also that a mark of another replica was taken away, but not that of somebody else', () => {
    for (const [mark, isLost] of [
      [aMark(5_000), true],
      [{ ...aMark(5_000), by: 'kubectl', isForeign: true as const }, undefined],
    ] as const) {
      const memory = new MarkMemory(isMarked, () => NOW);
      memory.observe({ kind: 'updated', key: 'db/cb-0000', before: aPod({ mark }), now: aPod() });
      const record = memory.get('db/cb-0000', 'uid-a');
      assert.deepEqual([record?.isLost, record?.at], [isLost, isLost && NOW - 5_000]);
    }
  });

  test('counts the three minutes from when the mark was taken away, however long it was there', () => {
    let now = NOW;
    const memory = new MarkMemory(isMarked, () => now);
    const key = 'db/cb-0000';
    memory.begin({ podKey: key, pod: aPod(), at: NOW, marks: 1 });
    now += 2 * WITHDRAWN_AFTER_MS;
    memory.observe({ kind: 'updated', key, before: aPod({ mark: aMark(0) }), now: aPod() });
    now += WITHDRAWN_AFTER_MS;
    const record = memory.get(key, 'uid-a');
    assert.deepEqual([record?.at, record?.lastAt], [NOW, NOW + 2 * WITHDRAWN_AFTER_MS]);
    now += 1;
    assert.equal(memory.get(key, 'uid-a'), undefined);
  });

  test('does not forget a mark that other replicas make again, and counts theirs', () => {
    let now = NOW;
    const memory = new MarkMemory(isMarked, () => now);
    const isMarkedSince = () => aPod({ mark: { ...aMark(0), at: now } });
    memory.begin({ podKey: 'db/cb-0000', pod: aPod(), at: NOW, marks: 1 });
    for (let marks = 2; marks <= 5; marks++) {
      const key = 'db/cb-0000';
      memory.observe({ kind: 'updated', key, before: isMarkedSince(), now: aPod() });
      now += WITHDRAWN_AFTER_MS / 2 + 1_000;
      memory.observe({ kind: 'updated', key, before: aPod(), now: isMarkedSince() });
      assert.deepEqual(memory.get(key, 'uid-a'), { uid: 'uid-a', at: NOW, lastAt: now, marks, isLost: false });
    }
  });

  test("somebody else's mark does not count", () => {
    const memory = new MarkMemory(isMarked, () => NOW);
    const key = 'db/cb-0000';
    memory.begin({ podKey: key, pod: aPod(), at: NOW, marks: 1 });
    memory.observe({ kind: 'updated', key, before: aPod({ mark: aMark(0) }), now: aPod() });
    const byHand = { ...aMark(0), by: 'kubectl', isForeign: true as const };
    memory.observe({ kind: 'updated', key, before: aPod(), now: aPod({ mark: byHand }) });
    const record = memory.get(key, 'uid-a');
    assert.deepEqual([record?.marks, record?.isLost], [1, true]);
  });

  test('counts returns by namespace and node, and drops the oldest of more than 1,000 nodes', () => {
    const memory = new MarkMemory(
      () => true,
      () => NOW,
    );
    for (let i = 0; i <= 1_000; i++) begin(memory, `node-${i}`, i);
    assert.equal(memory.returnsTo('db', 'node-0'), undefined);
    assert.deepEqual(memory.returnsTo('db', 'node-1'), { count: 1, at: NOW });
    assert.equal(memory.returnsTo('db', 'node-1000')?.count, 1_000);
    assert.equal(memory.returnsTo('other', 'node-1000'), undefined);
  });
});
