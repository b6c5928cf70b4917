import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PAGE_MAX_BYTES } from '../../src/informer/page-size.ts';
import { ResponseTooLongError } from '../../src/kube/errors.ts';
import { aPage, FakeSink, object } from '../support/list-watch.ts';
import { apiError, aReflector, FIRST_MS } from '../support/reflecting.ts';
import { settle } from '../support/time.ts';

describe('Reflector: when all goes well', () => {
  test('lists in pages, tells the whole once, and watches from the resourceVersion of the last page', async (t) => {
    const { server, sink, start, calls } = aReflector(t);
    server.lists = [aPage('10', ['a', 'b'], 'c1'), aPage('10', ['c'], 'c2'), aPage('10', ['d'])];
    await start();
    assert.deepEqual(calls(), ['list 100', 'list 100 c1', 'list 100 c2', 'watch 10']);
    assert.deepEqual(sink.received, ['replace a,b,c,d']);
  });

  test('asks for fewer objects once they are heavy, and for the same page again when it was too heavy', async (t) => {
    const { server, sink, start, calls, time } = aReflector(t);
    let turns = 0;
    time.giveWay = async () => void turns++;
    const heavy = new ResponseTooLongError(PAGE_MAX_BYTES);
    const bytes = 1_300_000;
    server.lists = [heavy, heavy, heavy, { ...aPage('10', ['a'], 'c1'), bytes }, { ...aPage('10', ['b']), bytes }];
    await start();
    assert.deepEqual(calls(), ['list 100', 'list 25', 'list 6', 'list 1', 'list 1 c1', 'watch 10']);
    assert.deepEqual(sink.received, ['replace a,b']);
    assert.equal(turns, 2, 'once for each page that took long to parse');
  });

  test('a page that turns too heavy later is asked for again from where it began', async (t) => {
    const { server, start, calls } = aReflector(t);
    const light = { ...aPage('10', ['a', 'b'], 'c1'), bytes: 2_000 };
    server.lists = [light, new ResponseTooLongError(PAGE_MAX_BYTES), aPage('10', ['c'])];
    await start();
    assert.deepEqual(calls(), ['list 100', 'list 100 c1', 'list 25 c1', 'watch 10']);
  });

  test('gives way while many objects are gone from a list', async (t) => {
    let left = 1_200;
    const sink = new FakeSink();
    const sweep = (most: number) => {
      left -= most;
      return left > 0;
    };
    sink.beginList = () => ({ ...FakeSink.prototype.beginList.call(sink), sweep });
    const { server, start, time } = aReflector(t, { sink });
    let turns = 0;
    time.giveWay = async () => void turns++;
    server.lists = [aPage('10', ['a'])];
    await start();
    assert.deepEqual([turns, sink.received], [2, ['replace a']]);
  });

  test('applies events, and projects what it lists and what it watches', async (t) => {
    const { server, sink, start, projected } = aReflector(t);
    server.lists = [aPage('10', ['a'])];
    await start();
    server.feed.event('ADDED', object('b', '11'));
    server.feed.event('MODIFIED', object('a', '12'));
    server.feed.event('DELETED', object('b', '13'));
    server.feed.event('BOOKMARK', { metadata: { resourceVersion: '14' } });
    await settle();
    assert.deepEqual(sink.received, ['replace a', 'put b', 'put a', 'remove b']);
    assert.deepEqual(projected, ['a', 'b', 'a', 'b']);
  });

  test('gives way while many events arrive at once, and keeps their order', async (t) => {
    const { server, sink, start, time } = aReflector(t);
    let turns = 0;
    time.giveWay = async () => void turns++;
    server.lists = [aPage('10')];
    await start();
    const names = Array.from({ length: 120 }, (_, i) => `pod-${i}`);
    const events = names.map((name, i) => ({ type: 'ADDED', object: object(name, String(11 + i)) }));
    server.feed.text(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    await settle();
    assert.deepEqual(sink.received, ['replace ', ...names.map((name) => `put ${name}`)]);
    assert.equal(turns, 2);
  });

  test('goes on from the last event or bookmark, without a list or a pause, when a watch has run its time', async (t) => {
    const { server, start, calls, time } = aReflector(t);
    server.lists = [aPage('10')];
    await start();
    server.feed.event('ADDED', object('b', '11'));
    server.feed.event('BOOKMARK', { metadata: { resourceVersion: '20' } });
    await time.advance(60_000);
    server.feed.end();
    await settle();
    assert.deepEqual(calls(), ['list 100', 'watch 10', 'watch 20']);
  });

  test('asks for a watch of 5 to 10 minutes', async (t) => {
    for (const [random, seconds] of [
      [0, 300],
      [0.999, 600],
    ] as const) {
      await t.test(`random ${random}: ${seconds} s`, async (t) => {
        const { server, start } = aReflector(t, { random: () => random });
        server.lists = [aPage('10')];
        await start();
        assert.equal(server.lastTimeoutSeconds, seconds);
      });
    }
  });

  test('says when it last agreed with the API server: at the list, an event and a bookmark', async (t) => {
    const { server, start, reflector, time } = aReflector(t);
    assert.equal(reflector.agreedAt, Number.NEGATIVE_INFINITY);
    server.lists = [aPage('10')];
    await start();
    assert.equal(reflector.agreedAt, time.monotonicNow());
    await time.advance(50_000);
    assert.equal(reflector.agreedAt, time.monotonicNow() - 50_000);
    server.feed.event('BOOKMARK', { metadata: { resourceVersion: '11' } });
    await settle();
    assert.equal(reflector.agreedAt, time.monotonicNow());
  });

  test('does nothing on a second start', async (t) => {
    const { server, start, calls } = aReflector(t);
    server.lists = [aPage('10'), aPage('10')];
    await start();
    await start();
    assert.deepEqual(calls(), ['list 100', 'watch 10']);
  });
});

describe('Reflector: what failed', () => {
  test('a list, until one arrives; then a watch, until it tells something', async (t) => {
    const { server, start, reflector, time } = aReflector(t);
    assert.equal(reflector.failure, undefined);
    const [list, watch] = [apiError(403), apiError(503)];
    server.lists = [list, aPage('5', ['a'])];
    server.refusals = [watch];
    await start();
    assert.deepEqual(reflector.failure, { verb: 'list', error: list });
    await time.advance(FIRST_MS);
    assert.deepEqual(reflector.failure, { verb: 'watch', error: watch });
    await time.advance(2 * FIRST_MS);
    server.feed.event('ADDED', object('b', '6'));
    await settle();
    assert.equal(reflector.failure, undefined);
  });
});

describe('Reflector: a kind that is not installed', () => {
  test('is an empty list, looked at again 10 s later', async (t) => {
    const { server, sink, start, calls, time, reflector } = aReflector(t, { isServed: async () => false });
    server.lists = [apiError(404), aPage('5', ['a'])];
    await start();
    assert.deepEqual(sink.received, ['replace ']);
    assert.equal(reflector.agreedAt, time.monotonicNow());
    await time.advance(9_999);
    assert.deepEqual(calls(), ['list 100']);
    await time.advance(1);
    assert.deepEqual(calls(), ['list 100', 'watch 5']);
    assert.deepEqual(sink.received, ['replace ', 'replace a']);
  });

  test('that goes away while it is watched is an empty list too', async (t) => {
    const { server, sink, start, time } = aReflector(t, { isServed: async () => false });
    server.lists = [aPage('5', ['a']), apiError(404)];
    await start();
    server.refusals = [apiError(404)];
    await time.advance(2_000);
    server.feed.end();
    await settle();
    assert.deepEqual(sink.received, ['replace a', 'replace ']);
  });

  test('is a failure where it is served all the same, and where nobody can tell', async (t) => {
    const answers = [true, new Error('no discovery')];
    const isServed = async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer ?? false;
    };
    const { server, sink, start, log, time } = aReflector(t, { isServed });
    server.lists = [aPage('5', ['a']), apiError(404), aPage('6', ['a', 'b'])];
    await start();
    server.refusals = [apiError(404)];
    await time.advance(2_000);
    server.feed.end();
    await settle();
    assert.match(String(log.at(-1)?.fields.error), /404/);
    await time.advance(FIRST_MS);
    assert.match(String(log.at(-1)?.fields.error), /no discovery/);
    assert.deepEqual(sink.received, ['replace a'], 'nothing is forgotten');
    await time.advance(2 * FIRST_MS);
    assert.deepEqual(sink.received, ['replace a', 'replace a,b']);
  });

  test('is not asked about after a stop', async (t) => {
    const asked = Promise.withResolvers<boolean>();
    const { server, sink, start, reflector } = aReflector(t, { isServed: () => asked.promise });
    server.lists = [apiError(404)];
    await start();
    const stopped = reflector.stop();
    asked.resolve(false);
    await stopped;
    assert.deepEqual(sink.received, []);
  });

  test('is a failure where it must not be absent', async (t) => {
    const { server, sink, start, log } = aReflector(t);
    server.lists = [apiError(404)];
    await start();
    assert.deepEqual(sink.received, []);
    assert.equal(log.at(-1)?.fields.retryInMs, FIRST_MS);
  });
});

describe('Reflector: stop', () => {
  test('during a list: nothing reaches the sink, and nothing is called any more', async (t) => {
    const { server, sink, start, calls, time, reflector } = aReflector(t);
    await start();
    assert.deepEqual(calls(), ['list 100']);
    await reflector.stop();
    server.lists = [aPage('10', ['a'])];
    await time.advance(600_000);
    assert.deepEqual(calls(), []);
    assert.deepEqual(sink.received, []);
  });

  test('between a list that was answered and its use: nothing reaches the sink', async (t) => {
    const { server, sink, reflector } = aReflector(t);
    server.lists = [aPage('10', ['a'])];
    reflector.start();
    await reflector.stop();
    await settle();
    assert.deepEqual(sink.received, []);
    assert.deepEqual(server.calls, ['list 100']);
  });

  test('during a watch: what still arrives does not reach the sink', async (t) => {
    const { server, sink, start, reflector } = aReflector(t);
    server.lists = [aPage('10')];
    await start();
    server.feed.event('ADDED', object('late', '11'));
    await reflector.stop();
    await settle();
    assert.deepEqual(sink.received, ['replace ']);
    assert.deepEqual(server.calls, ['list 100', 'watch 10']);
  });

  test('during a pause ends the pause', async (t) => {
    const { server, start, reflector, time, calls } = aReflector(t);
    server.lists = [apiError(500)];
    await start();
    await reflector.stop();
    await time.advance(600_000);
    assert.deepEqual(calls(), ['list 100']);
  });

  test('without a start, and twice, does nothing', async (t) => {
    const { reflector } = aReflector(t);
    await reflector.stop();
    await reflector.stop();
  });

  test('and start again goes on where it was, with one watch and no zombie', async (t) => {
    const { server, sink, start, reflector, calls } = aReflector(t);
    server.lists = [aPage('10')];
    await start();
    const first = server.feed;
    const stopped = reflector.stop();
    reflector.start();
    await stopped;
    await settle();
    assert.deepEqual(calls(), ['list 100', 'watch 10', 'watch 10']);
    assert.throws(() => first.event('ADDED', object('zombie', '11')), TypeError, 'the first body was cancelled');
    server.feed.event('ADDED', object('b', '12'));
    await settle();
    assert.deepEqual(sink.received, ['replace ', 'put b']);
  });

  test('during a list, and start again: one list more, told once', async (t) => {
    const { server, sink, start, reflector, calls } = aReflector(t);
    await start();
    const stopped = reflector.stop();
    server.lists = [aPage('10', ['a'])];
    reflector.start();
    await stopped;
    await settle();
    assert.deepEqual(calls(), ['list 100', 'list 100', 'watch 10']);
    assert.deepEqual(sink.received, ['replace a']);
  });
});
