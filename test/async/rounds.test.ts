import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rounds } from '../../src/async/rounds.ts';
import { FakeClock, settle } from '../support/time.ts';

function counted(restMs: number) {
  const clock = new FakeClock();
  const ends: (() => void)[] = [];
  const rounds = new Rounds(clock, restMs, () => new Promise((resolve) => void ends.push(resolve)));
  const end = async () => {
    ends.at(-1)?.();
    await settle();
  };
  return { clock, rounds, end, begun: () => ends.length };
}

test('Rounds: the first begins at once, and whatever is asked for meanwhile is one more', async () => {
  const { clock, rounds, end, begun } = counted(0);
  rounds.ask();
  assert.equal(begun(), 1);
  for (let i = 0; i < 1_000; i++) rounds.ask();
  assert.equal(begun(), 1);
  await end();
  assert.equal(begun(), 2);
  await end();
  assert.deepEqual([begun(), clock.timers], [2, 0], 'nobody has asked since');
  rounds.ask();
  assert.equal(begun(), 3);
});

test('Rounds: they rest, and one timer stands for all that ask in that time', async () => {
  const { clock, rounds, end, begun } = counted(5_000);
  rounds.ask();
  await end();
  for (let i = 0; i < 1_000; i++) rounds.ask();
  assert.deepEqual([begun(), clock.timers], [1, 1]);
  await clock.advance(4_999);
  assert.equal(begun(), 1);
  await clock.advance(1);
  assert.equal(begun(), 2);
  rounds.ask();
  await end();
  assert.deepEqual([begun(), clock.timers], [2, 1], 'asked for in the round');
  rounds.stop();
  await clock.advance(60_000);
  assert.deepEqual([begun(), clock.timers], [2, 0]);
});

test('Rounds: after a rest that is over the next begins at once', async () => {
  const { clock, rounds, end, begun } = counted(5_000);
  rounds.ask();
  await end();
  await clock.advance(5_000);
  rounds.ask();
  assert.equal(begun(), 2);
});
