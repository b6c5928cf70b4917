import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Controller, type Reconciler } from '../../src/controller/controller.ts';
import { LOG } from '../../src/log/messages.ts';
import { aLog } from '../support/log.ts';
import { FakeClock, settle } from '../support/time.ts';

/** A controller that runs, with a reconcile by script: an error, a result, or what a function gives. */
function aController(reconcile: Reconciler<string>['reconcile'], workers = 4) {
  const clock = new FakeClock();
  const log = aLog();
  const calls: string[] = [];
  const results: string[] = [];
  const controller = new Controller<string>({
    reconciler: {
      kind: 'pod',
      idOf: (key) => key,
      reconcile: (key, signal) => {
        calls.push(key);
        return reconcile(key, signal);
      },
    },
    clock,
    random: () => 0,
    log,
    workers,
    onReconcile: (_kind, result) => results.push(result),
  });
  controller.start();
  const add = async (key: string) => {
    controller.queue.add(key);
    await settle();
  };
  return { controller, clock, log, calls, results, add };
}

const fails = () => Promise.reject(new Error('no'));

describe('Controller', () => {
  test('reconciles a key once', async () => {
    const { clock, calls, results, add } = aController(async () => ({}));
    await add('a');
    await clock.advance(3_600_000);
    assert.deepEqual(calls, ['a']);
    assert.deepEqual(results, ['success']);
  });

  test('comes back when the reconcile asks for it', async () => {
    let left = 2;
    const { clock, calls, add } = aController(async () => (left-- > 0 ? { requeueAfterMs: 5_000 } : {}));
    await add('a');
    await clock.advance(4_999);
    assert.equal(calls.length, 1);
    await clock.advance(1);
    assert.equal(calls.length, 2);
    await clock.advance(60_000);
    assert.equal(calls.length, 3);
  });

  test('gives way after 20 keys, and forgets the timer of a key that has nothing more to do', async () => {
    const waits = new Map<string, number>([['0', 1_000]]);
    const { clock, controller, calls } = aController(async (key) => {
      const requeueAfterMs = waits.get(key);
      return requeueAfterMs === undefined ? {} : { requeueAfterMs };
    });
    for (let n = 0; n < 250; n++) controller.queue.add(`${n}`);
    await settle();
    assert.deepEqual([calls.length, clock.turns, clock.timers], [250, 10, 1]);
    waits.clear();
    controller.queue.add('0');
    await settle();
    assert.equal(clock.timers, 0);
  });

  test('backs a key off that fails: 0.2, 0.4, 0.8 s and so on, at most a minute, for ever', async () => {
    const { clock, calls, log, results, add } = aController(fails);
    await add('a');
    for (const ms of [200, 400, 800, 1_600]) {
      const { length } = calls;
      await clock.advance(ms - 1);
      assert.equal(calls.length, length);
      await clock.advance(1);
      assert.equal(calls.length, length + 1);
    }
    await clock.advance(3_600_000);
    assert.ok(calls.length > 60 && calls.length < 70, `${calls.length}`);
    assert.equal(log.lines.at(-1)?.fields.retryInMs, 60_000);
    assert.deepEqual(log.lines[0], {
      level: 'warn',
      message: LOG.reconcileFailed,
      fields: { key: 'pod a', error: 'no', retryInMs: 200 },
    });
    assert.equal(results[0], 'error');
  });

  test('one key that fails does not hold up another, nor its backoff', async () => {
    const { clock, calls, add } = aController(async (key) => (key === 'bad' ? fails() : {}), 1);
    await add('bad');
    await clock.advance(10_000);
    await add('good');
    assert.equal(calls.at(-1), 'good');
    const other = aController(fails);
    await other.add('a');
    await other.clock.advance(10_000);
    await other.add('b');
    assert.deepEqual(other.log.lines.at(-1)?.fields, { key: 'pod b', error: 'no', retryInMs: 200 });
  });

  test('a success forgets the failures before it', async () => {
    const outcomes = [false, false, true, false];
    const { clock, log, add } = aController(async () => (outcomes.shift() ? {} : fails()));
    await add('a');
    await clock.advance(600);
    await add('a');
    const waits = log.lines.map(({ fields }) => fields.retryInMs);
    assert.deepEqual(waits, [200, 400, 200]);
  });

  test('a reconcile that throws at once is a failure like any other', async () => {
    const { clock, calls, add } = aController(() => {
      throw new TypeError('a bug');
    });
    await add('a');
    await clock.advance(200);
    assert.equal(calls.length, 2);
  });

  test('works on several keys at a time, but never on one key twice', async () => {
    const gates = new Map<string, () => void>();
    const { calls, add } = aController(async (key) => {
      await new Promise<void>((resolve) => gates.set(key, resolve));
      return {};
    });
    for (const key of ['a', 'b', 'a', 'c', 'a']) await add(key);
    assert.deepEqual(calls, ['a', 'b', 'c']);
    gates.get('a')?.();
    await settle();
    assert.deepEqual(calls, ['a', 'b', 'c', 'a']);
  });
});

describe('Controller.stop', () => {
  test('tells what is in hand to end, waits for it, and says nothing of its failure', async () => {
    const { controller, log, add, results } = aController(async (_key, signal) => {
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      return {};
    });
    await add('a');
    await controller.stop();
    assert.deepEqual(log.lines, []);
    assert.deepEqual(results, []);
  });

  test('afterwards nothing is reconciled, neither what waits nor what was to come later', async () => {
    const { controller, clock, calls, add } = aController(async () => ({ requeueAfterMs: 10 }));
    await add('a');
    await controller.stop();
    await add('b');
    await clock.advance(60_000);
    assert.deepEqual(calls, ['a']);
    assert.equal(clock.timers, 0);
  });

  test('does not resolve before what is in hand is over', async () => {
    let finish: () => void = () => undefined;
    const { controller, add } = aController(async () => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return {};
    });
    await add('a');
    let isStopped = false;
    const stopped = controller.stop().then(() => {
      isStopped = true;
    });
    await settle();
    assert.equal(isStopped, false);
    finish();
    await stopped;
  });
});
