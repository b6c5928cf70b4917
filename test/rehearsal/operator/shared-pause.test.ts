import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SharedPause } from '../../../rehearsal/operator/shared-pause.ts';

describe('a shared pause', () => {
  it('lets an operator go on when nobody wants it to wait any more', async () => {
    const calls: string[] = [];
    const looked = Promise.withResolvers<void>();
    const operator = {
      pause: async () => void calls.push('pause'),
      resume: () => void calls.push('resume'),
      reconcile: async () => {
        if (calls.push('look') === 5) looked.resolve();
        return 1;
      },
    };
    const pause = new SharedPause(operator, AbortSignal.timeout(10_000));
    const [one, other] = [await pause.begin(), await pause.begin()];
    one();
    one();
    assert.deepEqual(calls, ['pause', 'pause']);
    other();
    await looked.promise;
    // It moves a pod, and lets it come back.
    assert.deepEqual(calls, ['pause', 'pause', 'resume', 'look', 'look']);
  });
});
