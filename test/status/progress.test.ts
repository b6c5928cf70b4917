import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { storeKey } from '../../src/cache/keys.ts';
import type { Pod } from '../../src/policy/model.ts';
import { DrainMemory, type Left } from '../../src/status/progress.ts';
import { aPod } from '../support/builders.ts';

const pod = (name: string, node: string | undefined): Pod => {
  const { node: _, ...others } = aPod({ name, uid: `uid-${name}` });
  return node === undefined ? others : { ...others, node };
};
const keyOf = (name: string) => storeKey({ namespace: 'db', name });

function progressOf(memory: DrainMemory, pods: readonly Pod[], left: readonly Left[] = []) {
  const podOf = (key: string) => pods.find((one) => storeKey(one) === key);
  const { of, moved, underWay, gone, waiting } = memory.progress(
    'node-1',
    pods.filter(({ node }) => node === 'node-1'),
    left,
    podOf,
  );
  return [of, moved, underWay, gone, waiting];
}

describe('the progress of a drain', () => {
  test('is told by entries to one who comes late', () => {
    const pods = [pod('a', 'node-1'), pod('b', 'node-2'), pod('c', undefined), pod('e', 'node-3')];
    const left: Left[] = [
      { podKey: keyOf('a'), state: 'waiting' },
      { podKey: keyOf('b'), state: 'rescheduled' },
      { podKey: keyOf('c'), state: 'unsettled' },
      { podKey: keyOf('d'), state: 'gone' },
      { podKey: keyOf('e'), state: 'unsettled' },
    ];
    assert.deepEqual(progressOf(new DrainMemory(), pods, left), [5, 1, 2, 1, 1]);
  });

  test('is remembered by one who watches, when there is no entry any more', () => {
    const memory = new DrainMemory();
    assert.deepEqual(progressOf(memory, [pod('a', 'node-1'), pod('b', 'node-1')]), [2, 0, 0, 0, 2]);
    assert.deepEqual(progressOf(memory, [pod('a', 'node-2'), pod('b', 'node-1')]), [2, 1, 0, 0, 1]);
    memory.keep(new Set(['node-1']));
    assert.deepEqual(progressOf(memory, [pod('a', 'node-2')]), [2, 1, 0, 1, 0]);
  });

  test('begins anew when the node drains anew', () => {
    const memory = new DrainMemory();
    progressOf(memory, [pod('a', 'node-1')]);
    memory.keep(new Set(['node-2']));
    assert.deepEqual(progressOf(memory, []), [0, 0, 0, 0, 0]);
  });
});
