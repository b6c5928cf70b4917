import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenBucket } from '../../../rehearsal/drainers/token-bucket.ts';
import { settle } from '../../support/time.ts';
import { FakeNode } from './fake-node.ts';

test('so many at once, then one after the other at the rate; a rest fills it again, and not further', async () => {
  const node = new FakeNode();
  const bucket = new TokenBucket({ perSecond: 2, burst: 3 }, node.clock);
  const taken: number[] = [];
  const take = async (count: number) => {
    for (let i = 0; i < count; i++) {
      void bucket.take(new AbortController().signal).then(() => taken.push(node.elapsedMs));
    }
    await settle();
  };
  await take(5);
  await node.time.advance(1_200);
  assert.deepEqual(taken, [0, 0, 0, 500, 1_000]);
  await take(1);
  await node.time.advance(60_000);
  assert.equal(taken.at(-1), 1_500);
  await take(4);
  await node.time.advance(1_000);
  assert.deepEqual(taken.slice(-4), [61_200, 61_200, 61_200, 61_700]);
});
