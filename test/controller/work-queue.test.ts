import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Fifo, WorkQueue } from '../../src/controller/work-queue.ts';
import { FakeClock, settle } from '../support/time.ts';

function aQueue() {
  const clock = new FakeClock();
  const queue = new WorkQueue<string>(clock, (key) => key);
  const taken: (string | undefined)[] = [];
  /** Takes the next key, now or when there is one. */
  const take = async () => {
    void queue.take().then((key) => taken.push(key));
    await settle();
  };
  return { clock, queue, taken, take };
}

describe('WorkQueue', () => {
  test('hands out keys in the order in which they came', async () => {
    const { queue, taken, take } = aQueue();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    assert.equal(queue.length, 3);
    for (let i = 0; i < 3; i++) await take();
    assert.deepEqual(taken, ['a', 'b', 'c']);
    assert.equal(queue.length, 0);
  });

  test('queues a key once, however often it is added', async () => {
    const { queue, taken, take } = aQueue();
    for (const key of ['a', 'a', 'b', 'a']) queue.add(key);
    for (let i = 0; i < 3; i++) await take();
    assert.deepEqual(taken, ['a', 'b']);
  });

  test('gives a key to whoever has waited longest', async () => {
    const { queue } = aQueue();
    const first = queue.take();
    const second = queue.take();
    queue.add('a');
    queue.add('b');
    assert.deepEqual(await Promise.all([first, second]), ['a', 'b']);
  });

  test('never hands out a key twice at the same time; one added meanwhile comes once more after it is done', async () => {
    const { queue, taken, take } = aQueue();
    queue.add('a');
    await take();
    queue.add('a');
    queue.add('a');
    await take();
    assert.deepEqual(taken, ['a']);
    queue.done('a');
    await settle();
    assert.deepEqual(taken, ['a', 'a']);
    queue.done('a');
    await take();
    assert.deepEqual(taken, ['a', 'a']);
  });

  test('a key that comes again stands behind those that wait', async () => {
    const { queue, taken, take } = aQueue();
    queue.add('a');
    await take();
    queue.add('a');
    queue.add('b');
    queue.done('a');
    await take();
    await take();
    assert.deepEqual(taken, ['a', 'b', 'a']);
  });
});

describe('WorkQueue.addAfter', () => {
  test('adds the key when its time has come', async () => {
    const { clock, queue } = aQueue();
    queue.addAfter('a', 100);
    await clock.advance(99);
    assert.equal(queue.length, 0);
    await clock.advance(1);
    assert.equal(queue.length, 1);
  });

  test('of two requests the earlier one counts, in either order, and only that', async () => {
    for (const delays of [
      [100, 300],
      [300, 100],
    ]) {
      const { clock, queue, taken, take } = aQueue();
      for (const ms of delays) queue.addAfter('a', ms);
      assert.equal(clock.timers, 1);
      await clock.advance(100);
      assert.equal(queue.length, 1);
      await take();
      queue.done('a');
      await clock.advance(1_000);
      assert.equal(queue.length, 0);
      assert.deepEqual(taken, ['a']);
    }
  });

  test('can be asked again once it has come due', async () => {
    const { clock, queue, take } = aQueue();
    queue.addAfter('a', 100);
    await clock.advance(100);
    await take();
    queue.addAfter('a', 50);
    queue.done('a');
    await clock.advance(50);
    assert.equal(queue.length, 1);
  });

  test('a key that falls due while it is being worked on comes after it is done', async () => {
    const { clock, queue, taken, take } = aQueue();
    queue.add('a');
    await take();
    queue.addAfter('a', 10);
    await clock.advance(10);
    await take();
    assert.deepEqual(taken, ['a']);
    queue.done('a');
    await settle();
    assert.deepEqual(taken, ['a', 'a']);
  });
});

describe('WorkQueue with a bound', () => {
  /** A queue of at most two keys. `all` is what it goes through if there are more. */
  function aBoundedQueue() {
    const clock = new FakeClock();
    const all = new Set<string>();
    const leftOut: number[] = [];
    const bound = { max: 2, keys: () => all.values(), onLeftOut: (count: number) => leftOut.push(count) };
    const queue = new WorkQueue<string>(clock, (key) => key, { bound });
    /** What workers get until there is nothing more. */
    const work = async () => {
      const taken: string[] = [];
      const worker = (async () => {
        for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
          taken.push(key);
          queue.done(key);
        }
      })();
      await settle();
      return { taken, worker };
    };
    return { clock, all, leftOut, queue, work };
  }

  test('keeps no more keys than it may, counts what it leaves out, and then goes through all there are', async () => {
    const { all, leftOut, queue, work } = aBoundedQueue();
    for (const key of ['a', 'b', 'c']) all.add(key);
    for (let i = 0; i < 1_000; i++) {
      queue.add(`gone-${i}`);
      assert.ok(queue.length <= 2);
    }
    assert.equal(
      leftOut.reduce((sum, count) => sum + count, 0),
      998,
    );
    const { taken } = await work();
    assert.deepEqual(taken, ['a', 'b', 'c', 'gone-998', 'gone-999']);
  });

  test('drops what was to be looked at later, too, because all are looked at now', async () => {
    const { clock, all, queue, work } = aBoundedQueue();
    all.add('a');
    queue.addAfter('a', 100);
    queue.addAfter('gone', 100);
    for (const key of ['x', 'y', 'z']) queue.add(key);
    assert.equal(clock.timers, 0);
    const { taken } = await work();
    assert.deepEqual(taken, ['a', 'z']);
  });

  test('a key that is in hand, or waits already, comes once', async () => {
    const { all, queue, work } = aBoundedQueue();
    for (const key of ['a', 'b', 'c']) all.add(key);
    queue.add('a');
    assert.equal(await queue.take(), 'a');
    queue.add('a');
    for (const key of ['x', 'y', 'b']) queue.add(key);
    const { taken } = await work();
    assert.deepEqual(taken, ['c', 'b'], 'a is in hand');
    queue.done('a');
    await settle();
    assert.deepEqual(taken, ['c', 'b', 'a'], 'and has been added meanwhile');
  });

  test('starts over, if there were too many while it went through all', async () => {
    const { all, queue } = aBoundedQueue();
    for (const key of ['a', 'b']) all.add(key);
    for (const key of ['x', 'y', 'z']) queue.add(key);
    const taken: unknown[] = [];
    const next = async () => {
      const key = (await queue.take()) ?? assert.fail();
      taken.push(key);
      queue.done(key);
    };
    await next();
    for (const key of ['a', 'x', 'y']) queue.add(key);
    for (let i = 0; i < 5; i++) await next();
    assert.deepEqual(taken, ['a', 'b', 'a', 'b', 'x', 'y']);
    assert.equal(queue.length, 0);
  });

  test('after it is closed nothing is handed out', async () => {
    const { all, queue, work } = aBoundedQueue();
    all.add('a');
    for (const key of ['x', 'y', 'z']) queue.add(key);
    queue.close();
    const { taken, worker } = await work();
    await worker;
    assert.deepEqual(taken, []);
  });
});

describe('WorkQueue.close', () => {
  test('ends every wait, drops what waits, and leaves no timer', async () => {
    const { clock, queue, taken, take } = aQueue();
    await take();
    await take();
    queue.addAfter('a', 100);
    queue.close();
    await settle();
    assert.deepEqual(taken, [undefined, undefined]);
    assert.equal(clock.timers, 0);
  });

  test('afterwards nothing is handed out, whatever is added', async () => {
    const { clock, queue, taken, take } = aQueue();
    queue.add('a');
    await take();
    queue.add('a');
    queue.add('b');
    queue.close();
    queue.add('c');
    queue.addAfter('d', 1);
    queue.done('a');
    await clock.advance(10);
    await take();
    assert.deepEqual(taken, ['a', undefined]);
    assert.equal(clock.timers, 0);
  });
});

/** Workers that note what they were given; two at once on one key are an error. */
class Workers {
  readonly #queue: WorkQueue<string>;
  readonly wanted = new Set<string>();
  readonly #working = new Set<string>();

  constructor(queue: WorkQueue<string>) {
    this.#queue = queue;
  }

  async add(key: string): Promise<void> {
    this.wanted.add(key);
    this.#queue.add(key);
    await settle(1);
  }

  async take(): Promise<void> {
    void this.#queue.take().then((key) => {
      assert.ok(key !== undefined && !this.#working.has(key), `${key} twice`);
      this.#working.add(key);
      this.wanted.delete(key);
    });
    await settle(1);
  }

  async done(key: string): Promise<void> {
    if (this.#working.delete(key)) this.#queue.done(key);
    await settle(1);
  }

  async finish(): Promise<void> {
    for (let i = 0; i < 12; i++) {
      for (const key of [...this.#working]) await this.done(key);
      await this.take();
    }
  }
}

test('whatever is added, taken and done: no key twice at once, none lost, with a bound or without', async () => {
  const act = fc.constantFrom('add', 'done', 'take');
  const histories = fc.array(fc.tuple(act, fc.constantFrom('a', 'b', 'c')));
  const bounds = fc.constantFrom({}, { bound: { max: 1, keys: () => ['a', 'b', 'c'] } });
  await fc.assert(
    fc.asyncProperty(histories, bounds, async (history, options) => {
      const workers = new Workers(new WorkQueue<string>(new FakeClock(), (key) => key, options));
      for (const [act, key] of history) await workers[act](key);
      await workers.finish();
      assert.deepEqual([...workers.wanted], []);
    }),
  );
});

test('two keys with one id are one key', async () => {
  const queue = new WorkQueue<{ name: string }>(new FakeClock(), ({ name }) => name);
  queue.add({ name: 'a' });
  queue.add({ name: 'a' });
  assert.equal(queue.length, 1);
  queue.done((await queue.take()) ?? assert.fail());
  assert.equal(queue.length, 0);
});

test('Fifo: what went in first comes out first, however pushes and shifts alternate', () => {
  const operations = fc.array(fc.option(fc.nat(), { nil: undefined }));
  fc.assert(
    fc.property(operations, (values) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      for (const value of values) {
        if (value !== undefined) {
          fifo.push(value);
          model.push(value);
        } else if (model.length > 0) assert.equal(fifo.shift(), model.shift());
        assert.equal(fifo.length, model.length);
      }
    }),
  );
  assert.throws(() => new Fifo().shift(), /nothing/);
});
