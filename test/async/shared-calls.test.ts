import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SharedCalls } from '../../src/async/shared-calls.ts';
import { settle } from '../support/time.ts';

/** Calls that wait for `answer`, two at a time, and what was called. */
function someCalls() {
  const called: string[] = [];
  const answers: ((value: number) => void)[] = [];
  const shared = new SharedCalls<number>({ running: 2, waiting: 10 });
  const run = (key: string, signal = new AbortController().signal) => {
    const call = () => {
      called.push(key);
      return new Promise<number>((resolve) => answers.push(resolve));
    };
    return shared.run(key, key, call, signal);
  };
  return { called, run, answer: (i: number) => answers[i]?.(i) };
}

describe('shared calls', () => {
  test('are made two at a time, and one that has not begun serves all who wait for it', async () => {
    const { called, run, answer } = someCalls();
    const first = [run('one'), run('two')];
    await settle();
    const late = [run('one'), run('one'), run('one')];
    await settle();
    assert.deepEqual(called, ['one', 'two'], 'the late ones must not take what began before they asked');
    answer(0);
    await settle();
    assert.deepEqual(called, ['one', 'two', 'one']);
    answer(1);
    answer(2);
    assert.deepEqual(await Promise.all(first), [0, 1]);
    assert.deepEqual(await Promise.all(late), Array(3).fill(2));
  });

  test('go on for others when somebody leaves', async () => {
    const { run, answer } = someCalls();
    const leaving = new AbortController();
    const [left, stays] = [run('one', leaving.signal), run('one')];
    leaving.abort();
    await assert.rejects(left, { name: 'AbortError' });
    await settle();
    answer(0);
    assert.deepEqual(await stays, 0);
  });

  test('fail for all who waited, and the next one is a new one', async () => {
    const shared = new SharedCalls<string>({ running: 1, waiting: 10 });
    const { signal } = new AbortController();
    await assert.rejects(
      shared.run('one', 'one', () => Promise.reject(new Error('not now')), signal),
      /not now/,
    );
    assert.equal(await shared.run('one', 'one', async () => 'now', signal), 'now');
  });
});
