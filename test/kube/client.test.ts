import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { systemClock } from '../../src/async/system-clock.ts';
import { SHARES } from '../../src/kube/call-class.ts';
import { type ApiCall, createApiClient } from '../../src/kube/client.ts';
import { type Connection, openConnection } from '../../src/kube/connection.ts';
import { ApiUnreachableError, ResponseTooLongError } from '../../src/kube/errors.ts';
import { type Answering, anApiServer, answer, begun, silent } from '../support/api-server.ts';
import { FakeClock, settle, until } from '../support/time.ts';

/** A client of a server on loopback that answers as it is told, and writes down what it saw. */
async function aClient(
  t: TestContext,
  answering: Answering = answer(200, { ok: true }),
  options: { callTimeoutMs?: number; onFull?: (callClass: string) => void } = {},
) {
  const { port, seen, world: server } = await anApiServer(t, answering);
  const world = Object.assign(server, { token: 't1', loads: 0 });
  const load = () => {
    world.loads++;
    const { token } = world;
    return {
      getCurrentCluster: () => ({ server: `http://127.0.0.1:${port}/` }),
      async applyToHTTPSOptions(options: { headers?: Record<string, unknown> }) {
        options.headers = { Authorization: `Bearer ${token}\n` };
      },
    };
  };
  const connection = await openConnection(load, systemClock);
  t.after(() => connection.close());
  const calls: ApiCall[] = [];
  const client = createApiClient(connection, CLOCK, { onCall: (call) => calls.push(call), ...options });
  return { client, connection, seen, calls, world, port };
}

/** No call takes any time. */
const CLOCK = { ...systemClock, monotonicNow: () => 0 };

/** The writes of one namespace, if no other has any. */
const OF_NAMESPACE = SHARES.write.connections / 2;
/** Far more than anything here takes. */
const HANGS_MS = 60_000;
const GET = { method: 'GET', path: '/api/v1/pods' } as const;

/** Credentials that never come. */
const withoutCredentials: Connection = {
  server: 'https://127.0.0.1:1',
  shares: SHARES,
  prepare: () => new Promise(() => undefined),
  forgetCredentials: () => undefined,
  close: async () => undefined,
};

describe('ApiClient: credentials that do not come', { timeout: HANGS_MS }, () => {
  for (const how of ['json', 'stream'] as const) {
    test(`${how}: the call waits no longer than its signal`, async () => {
      const calls: ApiCall[] = [];
      const client = createApiClient(withoutCredentials, CLOCK, { onCall: (call) => calls.push(call) });
      const stop = new AbortController();
      const call = client[how]({ ...GET, signal: stop.signal });
      stop.abort(new Error('the answer is due'));
      await assert.rejects(call, /GET \/api\/v1\/pods: the answer is due/);
      await assert.rejects(client[how]({ ...GET, signal: stop.signal }), /the answer is due/);
      assert.deepEqual(
        calls.map(({ code }) => code),
        [0, 0],
      );
    });

    test(`${how}: nor longer than any call may take`, async (t) => {
      const timeout = heldTimeouts(t);
      const client = createApiClient(withoutCredentials, CLOCK);
      const call = client[how](GET);
      timeout.comes();
      await assert.rejects(call, /aborted due to timeout/);
    });
  }
});

describe('ApiClient: a request', () => {
  test('carries the credentials, says who asks, and has no body', async (t) => {
    const { client, seen } = await aClient(t);
    assert.deepEqual(await client.json(GET), { ok: true });
    const [{ method, url, headers, body } = assert.fail()] = seen;
    assert.deepEqual([method, url, body], ['GET', '/api/v1/pods', '']);
    assert.equal(headers.authorization, 'Bearer t1');
    assert.equal(headers.accept, 'application/json');
    assert.equal(headers['user-agent'], 'reschedule-hook');
    assert.equal(headers['content-type'], undefined);
  });

  test('writes its query and body, of the type that is asked for', async (t) => {
    const { client, seen } = await aClient(t);
    const query = { fieldManager: 'a b', limit: 5, watch: true, absent: undefined, labelSelector: 'app in (a,b)' };
    await client.json({ method: 'PATCH', path: '/p', query, body: [{ op: 'test' }], contentType: 'application/x' });
    await client.json({ method: 'POST', path: '/p', body: { a: 1 } });
    assert.equal(seen[0]?.url, '/p?fieldManager=a+b&limit=5&watch=true&labelSelector=app+in+%28a%2Cb%29');
    assert.equal(seen[0]?.headers['content-type'], 'application/x');
    assert.equal(seen[0]?.body, '[{"op":"test"}]');
    assert.equal(seen[1]?.headers['content-type'], 'application/json');
  });

  // Two, not one: undici tells of the end of a body a moment before it counts the connection as free.
  test('uses a connection from before: 200 in a row are at most two connections', async (t) => {
    const { client, world } = await aClient(t);
    for (let i = 0; i < 200; i++) await client.json(GET);
    assert.ok(world.connections <= 2, `${world.connections}`);
  });

  test('also after answers that were errors', async (t) => {
    const { client, world } = await aClient(t, answer(404, { reason: 'NotFound' }));
    for (let i = 0; i < 200; i++) await assert.rejects(client.json(GET));
    assert.ok(world.connections <= 2, `${world.connections}`);
  });

  test('many at a time share the connections of their class, and all classes have at most 216', async (t) => {
    const { client, world } = await aClient(t);
    await Promise.all(Array.from({ length: 300 }, () => client.json(GET)));
    assert.ok(world.connections <= SHARES.read.connections, `${world.connections}`);
    const all = Object.values(SHARES).reduce((sum, { connections }) => sum + connections, 0);
    assert.equal(all, 216);
  });
});

describe('ApiClient: calls that hang hold up only their own class', { timeout: HANGS_MS }, () => {
  const pod = (namespace: string, name = 'a') => `/api/v1/namespaces/${namespace}/pods/${name}`;
  const mark = (namespace: string, name?: string) =>
    ({ method: 'PATCH', path: pod(namespace, name), body: {} }) as const;
  const loadOf = (client: Awaited<ReturnType<typeof aClient>>['client'], name: string) => {
    const { inFlight, waiting } = client.load().find((one) => one.class === name) ?? assert.fail();
    return [inFlight, waiting];
  };
  /** Does not answer calls of one method, or about one resource. */
  const hanging =
    (what: RegExp): Answering =>
    (response, { method, url }) =>
      what.test(`${method} ${url}`) ? undefined : answer(200, { ok: true })(response);

  test('writes: watches, reads, Events and writes of other namespaces go on', async (t) => {
    const { client, seen } = await aClient(t, hanging(/^PATCH .*slow/));
    const stop = new AbortController();
    const { signal } = stop;
    const hung = Array.from({ length: 100 }, (_, n) => client.json({ ...mark('slow', `p${n}`), signal }));
    await until(() => seen.length === OF_NAMESPACE, 'the share of one namespace');
    await settle();
    assert.equal(seen.length, OF_NAMESPACE);
    assert.deepEqual(loadOf(client, 'write'), [OF_NAMESPACE, 100 - OF_NAMESPACE]);
    for (let i = 0; i < 20; i++) await client.json({ method: 'GET', path: pod('db') });
    await client.stream({ method: 'GET', path: '/api/v1/pods', query: { watch: true } });
    await client.json({ method: 'POST', path: '/api/v1/namespaces/slow/events', body: {} });
    await client.json(mark('db'));
    stop.abort(new Error('enough'));
    assert.ok((await Promise.allSettled(hung)).every(({ status }) => status === 'rejected'));
    assert.deepEqual(loadOf(client, 'write'), [0, 0]);
    assert.equal(
      seen.filter(({ url }) => url?.includes('slow')).length,
      OF_NAMESPACE + 1,
      'what waited was never sent',
    );
  });

  test('reads of trackers: reads of pods go on', async (t) => {
    const { client, seen } = await aClient(t, hanging(/couchbaseclusters/));
    const stop = new AbortController();
    const path = '/apis/couchbase.com/v2/namespaces/db/couchbaseclusters/cb';
    const hung = Array.from({ length: 50 }, () => client.json({ method: 'GET', path, signal: stop.signal }));
    await until(() => seen.length === SHARES.tracker.connections, 'the share of trackers');
    await client.json({ method: 'GET', path: pod('db') });
    stop.abort(new Error('enough'));
    await Promise.allSettled(hung);
  });

  test('what is over the bound of waiting calls is not sent, and is counted', async (t) => {
    const full: string[] = [];
    const { client, seen } = await aClient(t, silent, { onFull: (callClass) => full.push(callClass) });
    const stop = new AbortController();
    const most = (SHARES.write.connections + SHARES.write.waiting) / 2;
    const hung = Array.from({ length: most }, () => client.json({ ...mark('slow'), signal: stop.signal }));
    const message = `PATCH ${pod('slow')}: too many calls of the class write wait already`;
    await assert.rejects(client.json(mark('slow')), { name: 'ApiUnreachableError', message });
    assert.deepEqual(full, ['write']);
    await until(() => seen.length === OF_NAMESPACE, 'those that are in flight');
    stop.abort(new Error('enough'));
    await Promise.allSettled(hung);
  });

  test('a call waits no longer than any call may take', async (t) => {
    const timeout = heldTimeouts(t);
    const { client, seen } = await aClient(t, silent);
    const hung = Array.from({ length: OF_NAMESPACE }, () => client.json(mark('slow')));
    await until(() => seen.length === OF_NAMESPACE, 'those that are in flight');
    const waiting = client.json(mark('slow'));
    timeout.comes();
    await assert.rejects(waiting, { name: 'ApiUnreachableError', message: /aborted due to timeout/ });
    await Promise.allSettled(hung);
    assert.deepEqual(loadOf(client, 'write'), [0, 0]);
  });

  test('a watch counts until it ends', async (t) => {
    const { client } = await aClient(t, (response) => void response.writeHead(200).write('first\n'));
    const stop = new AbortController();
    const body = await client.stream({ ...GET, query: { watch: true }, signal: stop.signal });
    assert.deepEqual(loadOf(client, 'watch'), [1, 0]);
    stop.abort();
    await assert.rejects(async () => {
      for await (const _ of body);
    });
    await until(() => loadOf(client, 'watch')[0] === 0, 'its end');
  });
});

describe('ApiClient: an answer that is no success', () => {
  test('is an ApiError with what its Status says', async (t) => {
    const date = 'Mon, 01 Jun 2026 00:00:00 GMT';
    const details = { causes: [{ field: 'metadata.uid', message: 'field is immutable' }, {}] };
    const { client, calls } = await aClient(t, answer(422, { message: 'no', reason: 'Invalid', details }, { date }));
    await assert.rejects(client.json(GET), {
      name: 'ApiError',
      code: 422,
      reason: 'Invalid',
      causes: ['metadata.uid', ''],
      retryAfterMs: undefined,
      message: 'GET /api/v1/pods: 422 no',
    });
    assert.deepEqual(calls, [
      { method: 'GET', path: '/api/v1/pods', code: 422, durationMs: 0, servedAt: Date.parse(date) },
    ]);
  });

  for (const [what, body] of [
    ['text', 'Bad Gateway'],
    ['nothing', ''],
    ['null', 'null'],
    ['a number', '7'],
  ] as const) {
    test(`is an ApiError also where its body is ${what}`, async (t) => {
      const { client } = await aClient(t, answer(502, body));
      const expected = { code: 502, reason: '', message: 'GET /api/v1/pods: 502 without a Status body' };
      await assert.rejects(client.json(GET), expected);
      await assert.rejects(client.stream(GET), { name: 'ApiError', code: 502 });
    });
  }

  test('is an ApiError for a redirect, which is not followed', async (t) => {
    const { client, seen } = await aClient(t, answer(302, '', { location: '/elsewhere' }));
    await assert.rejects(client.json(GET), { code: 302 });
    assert.equal(seen.length, 1);
  });

  for (const [header, expected] of [
    ['3', 3_000],
    ['60', 60_000],
    ['61', 60_000],
    ['86400', 60_000],
    ['0', undefined],
    ['-1', undefined],
    ['soon', undefined],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
  ] as const) {
    test(`Retry-After: ${header} is ${expected ?? 'nothing'}${expected ? ' ms' : ''}`, async (t) => {
      const { client } = await aClient(t, answer(429, {}, { 'retry-after': header }));
      await assert.rejects(client.json(GET), { code: 429, retryAfterMs: expected });
    });
  }

  test('401 makes the next request read the credentials anew', async (t) => {
    const { client, seen, world } = await aClient(t, (response, { headers }) =>
      answer(headers.authorization === 'Bearer t2' ? 200 : 401, {})(response),
    );
    world.token = 't2';
    await assert.rejects(client.json(GET), { code: 401 });
    assert.deepEqual(await client.json(GET), {});
    assert.equal(world.loads, 2);
    assert.deepEqual(
      seen.map(({ headers }) => headers.authorization),
      ['Bearer t1', 'Bearer t2'],
    );
  });

  test('403 does not', async (t) => {
    const { client, world } = await aClient(t, answer(403, {}));
    await assert.rejects(client.json(GET), { code: 403 });
    await assert.rejects(client.json(GET), { code: 403 });
    assert.equal(world.loads, 1);
  });
});

describe('ApiClient: no answer', () => {
  const unreachable = (error: unknown) => error instanceof ApiUnreachableError && error.cause !== undefined;

  test('is an ApiUnreachableError, and a call with code 0', async (t) => {
    const { client, calls } = await aClient(t, (response) => response.destroy());
    await assert.rejects(client.json(GET), unreachable);
    await assert.rejects(client.stream(GET), unreachable);
    assert.deepEqual(
      calls.map(({ code }) => code),
      [0, 0],
    );
  });

  for (const [what, body] of [
    ['not JSON', '<html>'],
    ['empty', ''],
    ['cut', '{"items": ['],
  ] as const) {
    test(`is what a success counts as whose body is ${what}`, async (t) => {
      const { client } = await aClient(t, answer(200, body));
      await assert.rejects(client.json(GET), unreachable);
    });
  }

  test('in time: the signal ends a request that hangs, and one that has not begun', async (t) => {
    const deadline = new AbortController();
    const { client, seen } = await aClient(t, () => deadline.abort(new Error('the deadline')));
    await assert.rejects(client.json({ ...GET, signal: deadline.signal }), { message: /the deadline/ });
    await assert.rejects(client.json({ ...GET, signal: deadline.signal }), unreachable);
    assert.equal(seen.length, 1);
  });

  test('in time: the signal ends a body that hangs', async (t) => {
    const deadline = new AbortController();
    const { client } = await aClient(t, (response) => {
      response.writeHead(200).write('{', () => setImmediate(() => deadline.abort()));
    });
    await assert.rejects(client.json({ ...GET, signal: deadline.signal }), unreachable);
  });
});

/** The timeouts of the calls, which come when the test says so. */
function heldTimeouts(t: TestContext): { comes(): void } {
  const timeouts = new Set<() => void>();
  t.mock.method(CLOCK, 'setTimer', (timeout: () => void) => {
    timeouts.add(timeout);
    return { cancel: () => timeouts.delete(timeout) };
  });
  return {
    comes() {
      for (const timeout of timeouts) timeout();
    },
  };
}

describe('ApiClient: what a call leaves behind', () => {
  const outcomes = {
    'an answer': answer(200, { ok: true }),
    'a refusal': answer(403, {}),
    'no answer': (response) => void response.destroy(),
  } satisfies Record<string, Answering>;

  for (const how of ['json', 'stream'] as const) {
    for (const [what, answering] of Object.entries(outcomes)) {
      test(`${how}, ${what}: neither a timer nor a listener at the signal of its caller`, async (t) => {
        const clock = new FakeClock();
        const { connection } = await aClient(t, answering);
        const client = createApiClient(connection, clock);
        const { signal } = new AbortController();
        await client[how]({ ...GET, signal }).then(drained, () => undefined);
        await until(() => getEventListeners(signal, 'abort').length === 0, 'the end of the call');
        assert.equal(clock.timers, 0);
      });
    }
  }
});

async function drained(body: object): Promise<void> {
  if (Symbol.asyncIterator in body) for await (const _ of body as AsyncIterable<unknown>);
}

describe('ApiClient: what a call may take, without a signal of its caller', { timeout: HANGS_MS }, () => {
  const limit = { callTimeoutMs: 50 };

  for (const how of ['json', 'stream'] as const) {
    test(`${how}: a server that accepts and never answers is given up`, async (t) => {
      const { client, calls } = await aClient(t, silent, limit);
      await assert.rejects(client[how](GET), { name: 'ApiUnreachableError', message: /timeout/i });
      assert.deepEqual(
        calls.map(({ code }) => code),
        [0],
      );
    });

    test(`${how}: a refusal whose body stalls is a refusal without a Status`, async (t) => {
      const timeout = heldTimeouts(t);
      const { client, calls } = await aClient(t, begun(500));
      const refused = assert.rejects(client[how](GET), { code: 500, message: /without a Status body/ });
      await until(() => calls.length === 1, 'the beginning of the answer');
      timeout.comes();
      await refused;
    });
  }

  test('json: a body that stalls is given up', async (t) => {
    const { client } = await aClient(t, begun(200), limit);
    await assert.rejects(client.json(GET), { name: 'ApiUnreachableError', message: /timeout/i });
  });

  test('stream: a body may be silent for longer', async (t) => {
    const timeout = heldTimeouts(t);
    const { client } = await aClient(t, begun(200));
    const body = await client.stream(GET);
    const chunks = body[Symbol.asyncIterator]();
    assert.equal(String(Buffer.from((await chunks.next()).value)), '{');
    const next = chunks.next();
    timeout.comes();
    assert.equal(await Promise.race([next, settle().then(() => 'nothing yet')]), 'nothing yet');
  });
});

describe('ApiClient.stream', () => {
  test('gives the body as it arrives, until the signal aborts', async (t) => {
    const stop = new AbortController();
    const { client } = await aClient(t, (response) => {
      response.writeHead(200).write('first\n');
    });
    const chunks: string[] = [];
    await assert.rejects(async () => {
      for await (const chunk of await client.stream({ ...GET, signal: stop.signal })) {
        chunks.push(Buffer.from(chunk).toString());
        stop.abort();
      }
    });
    assert.deepEqual(chunks, ['first\n']);
  });

  for (const [how, leave] of [
    ['breaks off', (): boolean => true],
    [
      'throws',
      (): boolean => {
        throw new Error('no event');
      },
    ],
  ] as const) {
    test(`is over for the server, too, when the reader ${how}`, { timeout: HANGS_MS }, async (t) => {
      const closed = Promise.withResolvers<void>();
      const { client, world } = await aClient(t, (response) => {
        response.on('close', closed.resolve);
        response.writeHead(200).write('first\n');
      });
      const read = async () => {
        for await (const _ of await client.stream(GET)) if (leave()) break;
      };
      await read().catch(() => undefined);
      await closed.promise;
      world.answering = answer(200, { ok: true });
      assert.deepEqual(await client.json(GET), { ok: true }, 'the connections are as good as before');
    });
  }
});

describe('ApiClient: the length of a response', () => {
  const BODY = JSON.stringify({ text: 'ü'.repeat(100_000) });

  test('is reported in bytes', async (t) => {
    const { client } = await aClient(t, answer(200, BODY));
    const lengths: number[] = [];
    await client.json({ ...GET, maxBytes: 1_000_000, onBytes: (bytes) => lengths.push(bytes) });
    assert.deepEqual(lengths, [Buffer.byteLength(BODY)]);
  });

  test('beyond the limit ends the call, and its connection, although the response never ends', async (t) => {
    const closed = Promise.withResolvers<void>();
    const { client } = await aClient(t, (response) => {
      response.once('close', closed.resolve);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(BODY);
    });
    await assert.rejects(client.json({ ...GET, maxBytes: 50_000 }), ResponseTooLongError);
    await closed.promise;
  });

  test('has no limit unless one is given', async (t) => {
    const { client } = await aClient(t, answer(200, BODY));
    assert.equal(JSON.stringify(await client.json(GET)), BODY);
  });
});
