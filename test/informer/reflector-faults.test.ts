import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/kube/client.ts';
import { ApiUnreachableError } from '../../src/kube/errors.ts';
import { aPage, type Feed, object } from '../support/list-watch.ts';
import { apiError, aReflector, FIRST_MS } from '../support/reflecting.ts';
import { settle } from '../support/time.ts';

const reset = () => new ApiUnreachableError('GET /things', new Error('read ECONNRESET'));

describe('Reflector: a list that fails', () => {
  for (const error of [apiError(500), apiError(403), apiError(429), apiError(401), reset()]) {
    test(`for the first time (${error.message}) is tried again with growing pauses until it works`, async (t) => {
      const { server, sink, start, calls, time, log } = aReflector(t);
      server.lists = [error, error, error, aPage('10', ['a'])];
      await start();
      assert.deepEqual(sink.received, [], 'a list that failed is no empty list');
      await time.advance(FIRST_MS);
      await time.advance(2 * FIRST_MS);
      await time.advance(4 * FIRST_MS - 1);
      assert.deepEqual(calls(), ['list 100', 'list 100', 'list 100']);
      await time.advance(1);
      assert.deepEqual(calls(), ['list 100', 'watch 10']);
      assert.deepEqual(sink.received, ['replace a']);
      const waits = log.filter(({ message }) => message === 'Watch interrupted').map(({ fields }) => fields.retryInMs);
      assert.deepEqual(waits, [FIRST_MS, 2 * FIRST_MS, 4 * FIRST_MS]);
    });
  }

  for (const [what, pages] of [
    ['the first page', []],
    ['a later page', [aPage('10', ['a'], 'c1')]],
  ] as const) {
    test(`on ${what} with 429 and Retry-After is left alone for as long as that says`, async (t) => {
      const { server, sink, start, calls, time } = aReflector(t);
      server.lists = [...pages, apiError(429, 17_000), aPage('12', ['a'])];
      await start();
      calls();
      await time.advance(16_999);
      assert.deepEqual(calls(), []);
      await time.advance(1);
      assert.deepEqual(calls(), ['list 100', 'watch 12']);
      assert.deepEqual(sink.received, ['replace a']);
    });
  }

  for (const error of [apiError(410), apiError(500), reset(), new TypeError('no items')]) {
    test(`in the middle of its pages (${error.message}) completes nothing and begins at the first page`, async (t) => {
      const { server, sink, start, calls, time } = aReflector(t);
      server.lists = [aPage('10', ['a'], 'c1'), error, aPage('12', ['a', 'b'])];
      await start();
      assert.deepEqual(sink.received, []);
      await time.advance(FIRST_MS);
      assert.deepEqual(calls(), ['list 100', 'list 100 c1', 'list 100', 'watch 12']);
      assert.deepEqual(sink.received, ['replace a,b']);
    });
  }

  test('after a good one leaves in the sink what is there', async (t) => {
    const { server, sink, start, time } = aReflector(t);
    server.lists = [aPage('10', ['a']), apiError(503)];
    await start();
    server.feed.event('ERROR', { code: 410 });
    await time.advance(FIRST_MS);
    assert.deepEqual(sink.received, ['replace a']);
  });
});

interface Fault {
  readonly what: string;
  readonly next: 'list' | 'watch';
  act(feed: Feed): void;
  /** Default: the feed stays open, and has to be cancelled. */
  readonly endsFeed?: boolean;
}

const UNTELLABLE = 'cannot be projected';

/** What may happen to a running watch, and where it goes on. */
const FAULTS: readonly Fault[] = [
  { what: 'a 410 event', next: 'list', act: (feed) => feed.event('ERROR', { code: 410, reason: 'Expired' }) },
  { what: 'a 504 event (too large a version)', next: 'list', act: (feed) => feed.event('ERROR', { code: 504 }) },
  { what: 'a 500 event', next: 'watch', act: (feed) => feed.event('ERROR', { code: 500, reason: 'InternalError' }) },
  { what: 'a 429 event', next: 'watch', act: (feed) => feed.event('ERROR', { code: 429 }) },
  { what: 'an ERROR event without a code', next: 'watch', act: (feed) => feed.event('ERROR', {}) },
  { what: 'a socket error', next: 'watch', act: (feed) => feed.fail(new Error('read ECONNRESET')), endsFeed: true },
  { what: 'a line that is not JSON', next: 'list', act: (feed) => feed.text('<html>\n') },
  { what: 'an event without an object', next: 'list', act: (feed) => feed.text('{"type":"ADDED"}\n') },
  {
    what: 'an object that is not what was expected',
    next: 'list',
    act: (feed) => feed.event('ADDED', object(UNTELLABLE, '21')),
  },
];

function project({ metadata }: JsonObject): string {
  const { name } = metadata as { name: string };
  if (name === UNTELLABLE) throw new TypeError(UNTELLABLE);
  return name;
}

describe('Reflector: a watch that is broken by', () => {
  for (const { what, next, act, endsFeed = false } of FAULTS) {
    test(`${what} is left at once, and goes on with a ${next} after a pause`, async (t) => {
      const { server, start, calls, time } = aReflector(t, { project });
      server.lists = [aPage('10'), aPage('30')];
      await start();
      server.feed.event('ADDED', object('b', '20'));
      await settle();
      act(server.feed);
      await settle();
      assert.equal(server.feed.state, endsFeed ? 'over' : 'cancelled');
      await time.advance(FIRST_MS - 1);
      assert.deepEqual(calls(), ['list 100', 'watch 10']);
      await time.advance(1);
      assert.deepEqual(calls(), next === 'watch' ? ['watch 20'] : ['list 100', 'watch 30']);
    });
  }

  test('a cut in the middle of a line goes on from the last whole one', async (t) => {
    const { server, sink, start, calls, time } = aReflector(t);
    server.lists = [aPage('10')];
    await start();
    server.feed.event('ADDED', object('b', '20'));
    server.feed.text('{"type":"ADDED","object":{"metadata":{"name":"c"');
    await time.advance(5_000);
    server.feed.end();
    await settle();
    assert.deepEqual(calls(), ['list 100', 'watch 10', 'watch 20']);
    assert.deepEqual(sink.received, ['replace ', 'put b']);
  });

  test('silence is given up after 100 s without an event or bookmark, and not before', async (t) => {
    const { server, start, calls, time, log } = aReflector(t);
    server.lists = [aPage('10')];
    await start();
    await time.advance(99_999);
    server.feed.event('BOOKMARK', { metadata: { resourceVersion: '11' } });
    await settle();
    await time.advance(99_999);
    assert.deepEqual(calls(), ['list 100', 'watch 10']);
    assert.deepEqual(
      log.map(({ message }) => message),
      ['Listed'],
    );
    await time.advance(1);
    assert.equal(log.at(-1)?.fields.error, 'no event or bookmark for 100 s');
    assert.equal(server.feed.state, 'aborted');
    await time.advance(FIRST_MS);
    assert.deepEqual(calls(), ['watch 11']);
  });
});

describe('Reflector: a watch that is refused', () => {
  for (const code of [401, 429, 500, 502, 503]) {
    test(`with ${code} is asked for again from the same version`, async (t) => {
      const { server, start, calls, time } = aReflector(t);
      server.lists = [aPage('10')];
      server.refusals = [apiError(code)];
      await start();
      await time.advance(FIRST_MS);
      assert.deepEqual(calls(), ['list 100', 'watch 10', 'watch 10']);
    });
  }

  for (const code of [400, 403, 404, 410, 504]) {
    test(`with ${code} is followed by a list`, async (t) => {
      const { server, start, calls, time } = aReflector(t);
      server.lists = [aPage('10'), aPage('30')];
      server.refusals = [apiError(code)];
      await start();
      await time.advance(FIRST_MS);
      assert.deepEqual(calls(), ['list 100', 'watch 10', 'list 100', 'watch 30']);
    });
  }

  test('with 429 and Retry-After is left alone for as long as that says', async (t) => {
    const { server, start, calls, time } = aReflector(t);
    server.lists = [aPage('10')];
    server.refusals = [apiError(429, 17_000)];
    await start();
    await time.advance(16_999);
    assert.deepEqual(calls(), ['list 100', 'watch 10']);
    await time.advance(1);
    assert.deepEqual(calls(), ['watch 10']);
  });

  test('for three minutes, for whatever reason, is given up for a list', async (t) => {
    const { server, start, calls, time } = aReflector(t);
    server.lists = [aPage('10'), aPage('30')];
    server.refusals = Array.from({ length: 100 }, () => apiError(503));
    await start();
    for (let i = 0; i < 180; i++) await time.advance(1_000);
    assert.ok(!calls().includes('list 100', 1));
    for (let i = 0; i < 120; i++) await time.advance(1_000);
    assert.ok(calls().includes('list 100'));
  });

  test('never makes a call without a pause: an hour of refusals is a few dozen calls', async (t) => {
    const { server, start, calls, time } = aReflector(t);
    server.lists = Array.from({ length: 1_000 }, () => aPage('10'));
    server.refusals = Array.from({ length: 10_000 }, () => reset());
    await start();
    for (let i = 0; i < 3_600; i++) await time.advance(1_000);
    const { length } = calls();
    assert.ok(length > 50 && length < 80, `${length} calls`);
  });
});

describe('Reflector: watches that end at once', () => {
  for (const [what, onFeed] of [
    ['without an event', (feed: Feed) => feed.end()],
    [
      'after one event each',
      (feed: Feed) => {
        feed.event('BOOKMARK', { metadata: { resourceVersion: '10' } });
        feed.end();
      },
    ],
  ] as const) {
    test(`${what} are not repeated without a pause`, async (t) => {
      const { server, start, calls, time } = aReflector(t);
      server.lists = [aPage('10')];
      server.onFeed = onFeed;
      await start();
      assert.deepEqual(calls(), ['list 100', 'watch 10']);
      await time.advance(FIRST_MS);
      assert.deepEqual(calls(), ['watch 10']);
      await time.advance(FIRST_MS);
      assert.deepEqual(calls(), [], 'the pauses grow');
    });
  }
});
