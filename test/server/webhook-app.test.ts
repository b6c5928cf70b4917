import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { LOG } from '../../src/log/messages.ts';
import type { Decision } from '../../src/policy/decision.ts';
import type { EvictionRequest } from '../../src/policy/model.ts';
import { Deadlines } from '../../src/server/deadlines.ts';
import { BODY_LIMIT_BYTES } from '../../src/server/request-body.ts';
import { createApp } from '../../src/server/webhook-app.ts';
import { aRequest } from '../support/builders.ts';
import { aLog } from '../support/log.ts';
import { type AskOptions, ask, serve } from '../support/loopback.ts';
import { aReview } from '../support/reviews.ts';
import { FakeClock, until } from '../support/time.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const ALLOW: Decision = { kind: 'allow', rule: '3', reason: 'NotSelected' };

/** The webhook on loopback, with an admission that notes what it is asked. */
async function anApp(t: TestContext, decide: (signal: AbortSignal) => Promise<Decision> = async () => ALLOW) {
  const log = aLog();
  const asked: EvictionRequest[] = [];
  const reviews: string[] = [];
  const clock = new FakeClock();
  const state = { notReady: undefined as string | undefined, isStopping: false };
  const app = createApp({
    admit: (request, signal, _client, review) => {
      asked.push(request);
      reviews.push(review);
      return decide(signal);
    },
    notReady: () => state.notReady,
    details: () => [],
    deadlines: new Deadlines(clock),
    isStopping: () => state.isStopping,
    log,
  });
  const port = await serve(t, app.callback());
  const post = (body: string | Buffer, options: AskOptions = {}) =>
    ask(port, { method: 'POST', path: '/eviction', headers: JSON_TYPE, body, ...options });
  return { port, log, asked, reviews, clock, state, post };
}

describe('POST /eviction', () => {
  for (const type of ['application/json', 'application/json; charset=utf-8', 'application/json;charset=UTF-8']) {
    test(`answers a review of type ${type}`, async (t) => {
      const { post, asked, reviews } = await anApp(t);
      const { status, headers, body } = await post(JSON.stringify(aReview()), { headers: { 'content-type': type } });
      assert.equal(status, 200);
      assert.match(headers['content-type'] ?? '', /^application\/json/);
      const { auditAnnotations, ...response } = JSON.parse(body).response;
      assert.deepEqual(response, { uid: 'review-1', allowed: true });
      assert.equal(auditAnnotations.review, 'review-1');
      assert.deepEqual(asked, [aRequest()]);
      assert.deepEqual(reviews, ['review-1']);
    });
  }

  test('answers what it cannot read, but whose UID it knows, with 200 and a denial of 500', async (t) => {
    const { post, asked, log } = await anApp(t);
    const { status, body } = await post(JSON.stringify(aReview({ name: '../x' })));
    assert.equal(status, 200);
    const { uid, allowed, status: denial } = JSON.parse(body).response;
    assert.deepEqual([uid, allowed, denial.code, denial.reason], ['review-1', false, 500, 'InternalError']);
    const message = 'reschedule hook cannot read the request: request.name: is not the name of a pod';
    assert.equal(denial.message, message);
    assert.deepEqual(asked, []);
    assert.deepEqual(log.lines, [
      { level: 'warn', message: LOG.badRequest, fields: { error: message, review: 'review-1' } },
    ]);
  });

  for (const [what, body, error] of [
    ['nothing', '', 'not an AdmissionReview: the body is not JSON'],
    ['no JSON', 'kind: AdmissionReview', 'not an AdmissionReview: the body is not JSON'],
    ['a list', '[]', 'not an AdmissionReview: Invalid input: expected object, received array'],
  ] as const) {
    test(`refuses ${what} with 400, and says so in one log line`, async (t) => {
      const { post, asked, log } = await anApp(t);
      const answer = await post(body);
      assert.deepEqual([answer.status, JSON.parse(answer.body)], [400, { error }]);
      assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
      const fields = { status: 400, error, method: 'POST', path: '/eviction' };
      assert.deepEqual(log.lines, [{ level: 'warn', message: LOG.badRequest, fields }]);
      assert.deepEqual(asked, []);
    });
  }

  for (const [headers, error] of [
    [{ 'content-type': 'text/plain' }, 'Content-Type must be application/json, not "text/plain"'],
    [{}, 'Content-Type must be application/json, not ""'],
    [{ ...JSON_TYPE, 'content-encoding': 'gzip' }, 'Content-Encoding gzip is not supported'],
  ] as const) {
    test(`refuses ${JSON.stringify(headers)} with 415`, async (t) => {
      const { post, asked } = await anApp(t);
      const answer = await post(JSON.stringify(aReview()), { headers });
      assert.deepEqual([answer.status, JSON.parse(answer.body)], [415, { error }]);
      assert.deepEqual(asked, []);
    });
  }

  test("tells the admission when the API server's timeout comes, and not when its default would", async (t) => {
    const { post, asked, clock } = await anApp(t, async (signal) => {
      if (!signal.aborted) await once(signal, 'abort');
      return ALLOW;
    });
    const answered = post(JSON.stringify(aReview()), { path: '/eviction?timeout=2ms' });
    await until(() => asked.length === 1, 'the admission');
    await clock.advance(2);
    assert.equal((await answered).status, 200);
  });

  test('answers 500 without a stack trace where admit throws, which it never should', async (t) => {
    const { post, log } = await anApp(t, () => Promise.reject(new Error('a secret')));
    const answer = await post(JSON.stringify(aReview()));
    const error = 'unexpected error; the log of the reschedule hook has the cause';
    assert.deepEqual([answer.status, JSON.parse(answer.body)], [500, { error }]);
    assert.deepEqual(log.messages(), [LOG.unexpected, LOG.badRequest]);
  });
});

describe('POST /eviction: a body over 1 MiB', () => {
  const error = `the body is larger than ${BODY_LIMIT_BYTES} bytes`;

  test('by its content-length is refused with 413 before it is sent', async (t) => {
    const { port } = await anApp(t);
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    const head = ['POST /eviction HTTP/1.1', 'host: x', 'content-type: application/json'];
    socket.write(`${[...head, `content-length: ${BODY_LIMIT_BYTES + 1}`].join('\r\n')}\r\n\r\n{`);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const answer = Buffer.concat(chunks).toString();
    assert.match(answer, /^HTTP\/1\.1 413 /);
    assert.match(answer, /\r\nconnection: close\r\n/i);
    assert.ok(answer.endsWith(JSON.stringify({ error })), answer);
  });

  test('in chunks without end is cut off at the limit, and its connection closed', async (t) => {
    const { port, asked, log } = await anApp(t);
    const request = httpRequest({ host: '127.0.0.1', port, method: 'POST', path: '/eviction', headers: JSON_TYPE });
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const send = () => {
      while (!request.destroyed && sent < 1_000 * chunk.length) {
        sent += chunk.length;
        if (!request.write(chunk)) return void request.once('drain', send);
      }
    };
    request.on('error', () => undefined).on('close', resolve);
    request.on('response', (response) => {
      assert.equal(response.statusCode, 413);
      response.resume();
    });
    send();
    await closed;
    assert.ok(sent < 1_000 * chunk.length, `${sent} bytes went out`);
    assert.deepEqual(asked, []);
    assert.equal(log.lines[0]?.fields.error, error);
  });

  test('of exactly 1 MiB is read', async (t) => {
    const { post } = await anApp(t);
    const review = JSON.stringify(aReview());
    const { status } = await post(review.padEnd(BODY_LIMIT_BYTES, ' '));
    assert.equal(status, 200);
    assert.equal((await post(review.padEnd(BODY_LIMIT_BYTES + 1, ' '))).status, 413);
  });

  test('that breaks off is no review, and harms nobody', async (t) => {
    const { port, post, asked } = await anApp(t);
    const socket = connect(port, '127.0.0.1');
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    socket.on('close', () => resolve());
    const head = 'POST /eviction HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n';
    socket.end(`${head}{"apiVersion":`);
    socket.resume();
    await closed;
    assert.deepEqual(asked, []);
    assert.equal((await post(JSON.stringify(aReview()))).status, 200);
  });
});

describe('the other endpoints', () => {
  test('GET /readyz says whether it is ready, and why not', async (t) => {
    const { port, state } = await anApp(t);
    const ready = await ask(port, { path: '/readyz' });
    assert.deepEqual([ready.status, ready.body], [200, 'ok\n']);
    state.notReady = 'the cache has not synced';
    const unready = await ask(port, { path: '/readyz' });
    assert.deepEqual([unready.status, unready.body], [503, 'not ready: the cache has not synced\n']);
  });

  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/eviction'],
    ['POST', '/readyz'],
    ['POST', '/evictions'],
    ['POST', '/eviction/'],
    ['POST', '/Eviction'],
    ['PUT', '/eviction'],
    ['GET', '/metrics'],
    ['GET', '/%E0%A4%A'],
    ['GET', '/../eviction'],
  ] as const) {
    test(`${method} ${path} is 404, and logged`, async (t) => {
      const { port, log, asked } = await anApp(t);
      const { status, body } = await ask(port, { method, path });
      assert.equal(status, 404);
      assert.match(JSON.parse(body).error, new RegExp(`^there is nothing at ${method} /`));
      assert.deepEqual(log.messages(), [LOG.badRequest]);
      assert.deepEqual(asked, []);
    });
  }

  test('while it stops every answer asks to connect elsewhere, and before none does', async (t) => {
    const { port, state, post } = await anApp(t);
    const requests = () =>
      Promise.all([post(JSON.stringify(aReview())), post('{'), ask(port, { path: '/readyz' }), ask(port)]);
    const keepAlive = await ask(port, { path: '/readyz', headers: { connection: 'keep-alive' } });
    assert.equal(keepAlive.headers.connection, 'keep-alive');
    state.isStopping = true;
    for (const { headers } of await requests()) assert.equal(headers.connection, 'close');
    const stopping = await ask(port, { path: '/readyz', headers: { connection: 'keep-alive' } });
    assert.equal(stopping.headers.connection, 'close');
  });
});
