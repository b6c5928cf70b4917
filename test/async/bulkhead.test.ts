import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Bulkhead, BulkheadFullError } from '../../src/async/bulkhead.ts';
import { settle } from '../support/time.ts';

const { signal } = new AbortController();

/** Work that runs until it is ended; `begun` has the names in the order in which they began. */
function aBulkhead(bounds: ConstructorParameters<typeof Bulkhead>[0]) {
  const bulkhead = new Bulkhead(bounds);
  const begun: string[] = [];
  const leaves = new Map<string, () => void>();
  const enter = async (name: string, key = 'k', until: AbortSignal = signal) => {
    const leave = await bulkhead.enter(key, until);
    begun.push(name);
    leaves.set(name, leave);
  };
  const enterAll = (names: string, key: string) => {
    for (const name of names) void enter(name, key);
    return settle();
  };
  const end = (name: string) => {
    leaves.get(name)?.();
    return settle();
  };
  return { bulkhead, begun, enter, enterAll, end };
}

describe('Bulkhead', () => {
  test('lets so many run, and the next in order of arrival', async () => {
    const { bulkhead, begun, enterAll, end } = aBulkhead({ running: 2, waiting: 10 });
    await enterAll('abcd', 'k');
    assert.deepEqual([begun.join(''), bulkhead.running, bulkhead.waiting], ['ab', 2, 2]);
    await end('b');
    await end('b');
    assert.deepEqual([begun.join(''), bulkhead.running, bulkhead.waiting], ['abc', 2, 1]);
    for (const name of 'acd') await end(name);
    assert.deepEqual([begun.join(''), bulkhead.running, bulkhead.waiting], ['abcd', 0, 0]);
  });

  test('a key that leaves as many places as it has waits, another one passes', async () => {
    const { begun, enterAll, end } = aBulkhead({ running: 4, leavesPlaces: true, waiting: 20 });
    await enterAll('abcd', 'slow');
    await enterAll('xy', 'slow too');
    await enterAll('z', 'other');
    assert.equal(begun.join(''), 'abxz');
    await end('z');
    assert.equal(begun.join(''), 'abxz');
    await end('x');
    assert.equal(begun.join(''), 'abxzy');
    await end('a');
    assert.equal(begun.join(''), 'abxzyc');
  });

  test('keys take turns', async () => {
    const { begun, enterAll, end } = aBulkhead({ running: 1, waiting: 10 });
    await enterAll('abc', 'many');
    await enterAll('x', 'one');
    await enterAll('z', 'another');
    for (const name of 'abxzc') await end(name);
    assert.equal(begun.join(''), 'abxzc');
  });

  test('refuses what is over a bound', async () => {
    const { bulkhead, enter, enterAll } = aBulkhead({ running: 1, waiting: 4 });
    await enterAll('abc', 'many');
    await assert.rejects(enter('d', 'many'), BulkheadFullError);
    await enterAll('x', 'one');
    await assert.rejects(enter('y', 'one'), BulkheadFullError);
    await enterAll('z', 'another');
    await assert.rejects(enter('n', 'new'), BulkheadFullError);
    assert.deepEqual([bulkhead.running, bulkhead.waiting], [1, 4]);
  });

  test('one that gives up leaves its place, and no turn is lost', async () => {
    const { bulkhead, begun, enter, enterAll, end } = aBulkhead({ running: 1, waiting: 10 });
    await enterAll('a', 'k');
    const stop = new AbortController();
    const [waiting, atTheMoment] = [enter('b', 'k', stop.signal), enter('c', 'k', stop.signal)];
    await enterAll('d', 'k');
    stop.abort(new Error('due'));
    await assert.rejects(waiting, /due/);
    await assert.rejects(atTheMoment, /due/);
    await assert.rejects(enter('e', 'k', stop.signal), /due/);
    assert.equal(bulkhead.waiting, 1);
    await end('a');
    assert.deepEqual([begun.join(''), bulkhead.running], ['ad', 1]);
  });

  test('a turn that comes as its waiter gives up goes to the next', async () => {
    const { bulkhead, begun, enter, enterAll, end } = aBulkhead({ running: 1, waiting: 10 });
    await enterAll('a', 'k');
    const stop = new AbortController();
    const late = enter('b', 'k', stop.signal);
    await enterAll('c', 'k');
    const ended = end('a');
    stop.abort(new Error('due'));
    await late.catch(() => undefined);
    await ended;
    if (begun.includes('b')) await end('b');
    await end('c');
    assert.deepEqual([begun.at(-1), bulkhead.running, bulkhead.waiting], ['c', 0, 0]);
  });
});
