import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EndingPods } from '../../src/cache/ending.ts';
import type { Pod } from '../../src/policy/model.ts';
import { aPod, MINUTE, NOW } from '../support/builders.ts';
import { POD_KEY } from '../support/cache.ts';

function aMemory() {
  let now = 1_000;
  const ending = new EndingPods(() => now);
  return {
    pass: (ms: number) => {
      now += ms;
    },
    tell: (overrides: Partial<Pod> = {}) => ending.observe({ kind: 'added', key: POD_KEY, now: aPod(overrides) }),
    remove: () => ending.observe({ kind: 'removed', key: POD_KEY, before: aPod() }),
    forMs: (uid = 'uid-a') => ending.forMs(POD_KEY, uid),
  };
}

describe('EndingPods', () => {
  test('a pod that runs is not ending', () => {
    const { tell, forMs } = aMemory();
    tell();
    assert.equal(forMs(), undefined);
  });

  test('counts from when it was told, whatever the times in the pod say', () => {
    const { tell, pass, forMs } = aMemory();
    tell({ finishedAt: NOW - 60 * MINUTE });
    assert.equal(forMs(), 0);
    pass(MINUTE);
    tell({ finishedAt: NOW - 60 * MINUTE, ready: false });
    pass(MINUTE);
    assert.equal(forMs(), 2 * MINUTE);
  });

  test('a pod that finishes while it is terminating starts anew: its grace period does not count', () => {
    const { tell, pass, forMs } = aMemory();
    tell({ deletionDeadline: NOW + 60 * MINUTE, deletionGraceSeconds: 3600 });
    pass(50 * MINUTE);
    tell({ deletionDeadline: NOW + 60 * MINUTE, deletionGraceSeconds: 3600, finishedAt: NOW + 50 * MINUTE });
    assert.equal(forMs(), 0);
  });

  test('a finished pod that is deleted goes on', () => {
    const { tell, pass, forMs } = aMemory();
    tell({ finishedAt: NOW });
    pass(MINUTE);
    tell({ finishedAt: NOW, deletionDeadline: NOW + MINUTE });
    assert.equal(forMs(), MINUTE);
  });

  test('speaks of one instance only, and forgets it when it is gone', () => {
    const { tell, pass, forMs, remove } = aMemory();
    tell({ finishedAt: NOW });
    pass(MINUTE);
    assert.equal(forMs('uid-b'), undefined);
    tell({ uid: 'uid-b', finishedAt: NOW });
    assert.deepEqual([forMs('uid-a'), forMs('uid-b')], [undefined, 0]);
    remove();
    assert.equal(forMs('uid-b'), undefined);
  });
});
