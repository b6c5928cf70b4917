import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TerminationTimes } from '../../../src/cache/memories/termination-times.ts';
import type { Pod } from '../../../src/policy/model.ts';
import { aPod, MINUTE, NOW } from '../../support/builders.ts';
import { POD_KEY } from '../../support/cache.ts';

function aMemory() {
  let now = 1_000;
  let told: Partial<Pod> = {};
  const times = new TerminationTimes(() => now);
  return {
    pass: (ms: number) => {
      now += ms;
    },
    tell: (overrides: Partial<Pod> = {}) => {
      told = overrides;
      times.observe({ kind: 'added', key: POD_KEY, now: aPod(overrides) });
    },
    remove: () => times.observe({ kind: 'removed', key: POD_KEY, before: aPod() }),
    /** As a pod that is read now tells of itself; by default as the cache was told last. */
    forMs: (live: Partial<Pod> = told) => times.forMs(POD_KEY, aPod(live)),
  };
}

describe('TerminationTimes', () => {
  test('a pod that runs is not terminating', () => {
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

  test('a terminating pod that is deleted again with less grace starts anew: its old deadline was never past', () => {
    const { tell, pass, forMs } = aMemory();
    tell({ deletionDeadline: NOW + 60 * MINUTE, deletionGraceSeconds: 3600 });
    pass(10 * MINUTE);
    tell({ deletionDeadline: NOW + 10 * MINUTE, deletionGraceSeconds: 1 });
    assert.equal(forMs(), 0);
    pass(MINUTE);
    tell({ deletionDeadline: NOW + 10 * MINUTE, deletionGraceSeconds: 1, ready: false });
    assert.equal(forMs(), MINUTE);
  });

  test('a live read that is ahead of the cache tells of an end that has only just begun', () => {
    const { tell, pass, forMs } = aMemory();
    const terminating = { deletionDeadline: NOW + 60 * MINUTE, deletionGraceSeconds: 3600 };
    tell(terminating);
    pass(50 * MINUTE);
    assert.equal(forMs(terminating), 50 * MINUTE);
    assert.equal(forMs({ ...terminating, finishedAt: NOW + 50 * MINUTE }), undefined);
    assert.equal(forMs({ deletionDeadline: NOW + 50 * MINUTE, deletionGraceSeconds: 0 }), undefined);
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
    const [a, b] = [{ finishedAt: NOW }, { uid: 'uid-b', finishedAt: NOW }];
    assert.equal(forMs(b), undefined);
    tell(b);
    assert.deepEqual([forMs(a), forMs(b)], [undefined, 0]);
    remove();
    assert.equal(forMs(b), undefined);
  });
});
