import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KeyedMutex } from '../../src/async/keyed-mutex.ts';
import { settle } from '../support/time.ts';

const { signal } = new AbortController();

/** Work that goes on until it is ended, and notes when it begins and ends. */
function someWork() {
  const mutex = new KeyedMutex();
  const noted: string[] = [];
  const ends = new Map<string, () => void>();
  const run = (name: string, key = 'k', until: AbortSignal = signal) =>
    mutex.run(key, until, async () => {
      noted.push(`begin ${name}`);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      noted.push(`end ${name}`);
      return name;
    });
  const end = async (name: string) => {
    await settle();
    ends.get(name)?.();
    await settle();
  };
  return { mutex, noted, run, end };
}

describe('KeyedMutex', () => {
  test('runs one at a time, in order of arrival, and gives back what the work gives', async () => {
    const { noted, run, end } = someWork();
    const all = Promise.all(['a', 'b', 'c'].map((name) => run(name)));
    for (const name of ['a', 'b', 'c']) await end(name);
    assert.deepEqual(await all, ['a', 'b', 'c']);
    assert.deepEqual(noted, ['begin a', 'end a', 'begin b', 'end b', 'begin c', 'end c']);
  });

  test('keys do not wait for each other', async () => {
    const { noted, run } = someWork();
    void run('a', 'one');
    void run('b', 'two');
    await settle();
    assert.deepEqual(noted, ['begin a', 'begin b']);
  });

  test('work that fails rejects its own caller and lets the next one run', async () => {
    const { mutex, noted, run, end } = someWork();
    await assert.rejects(
      mutex.run('k', signal, () => Promise.reject(new Error('no'))),
      /no/,
    );
    const next = run('a');
    await end('a');
    await next;
    assert.deepEqual(noted, ['begin a', 'end a']);
  });

  test('a waiter that gives up rejects at once, without running', async () => {
    const { noted, run } = someWork();
    void run('a');
    const giveUp = new AbortController();
    const waiting = run('b', 'k', giveUp.signal);
    giveUp.abort(new Error('the deadline'));
    await assert.rejects(waiting, /the deadline/);
    await assert.rejects(run('c', 'k', AbortSignal.abort()));
    assert.deepEqual(noted, ['begin a']);
  });

  test('whoever comes after a waiter that gave up still waits for the one before it', async () => {
    const { noted, run, end } = someWork();
    void run('a');
    await assert.rejects(run('b', 'k', AbortSignal.abort()));
    void run('c');
    await settle();
    assert.deepEqual(noted, ['begin a']);
    await end('a');
    assert.deepEqual(noted, ['begin a', 'end a', 'begin c']);
  });

  test('whoever stands behind a waiter that gives up still waits for the one before it', async () => {
    const { noted, run, end } = someWork();
    void run('a');
    const giveUp = new AbortController();
    const waiting = run('b', 'k', giveUp.signal);
    void run('c');
    giveUp.abort();
    await assert.rejects(waiting);
    await settle();
    assert.deepEqual(noted, ['begin a']);
    await end('a');
    assert.deepEqual(noted.at(-1), 'begin c');
  });
});
