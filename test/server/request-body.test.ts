import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Bodies } from '../../src/server/request-body.ts';
import type { RequestError } from '../../src/server/request-error.ts';
import { ask, serve } from '../support/loopback.ts';

test('a body that came whole is not broken off when its request closes, as every request does', async (t) => {
  const bodies = new Bodies();
  const seen = { paused: 0, closed: 0 };
  const port = await serve(t, (request, response) => {
    request.pause = () => {
      seen.paused++;
      return request;
    };
    request.once('close', () => seen.closed++);
    void bodies.read(request, new AbortController().signal).then((text) => response.end(text));
  });
  const { body } = await ask(port, { method: 'POST', body: 'whole' });
  assert.equal(body, 'whole');
  assert.deepEqual(seen, { paused: 0, closed: 1 });
});

/** A body of which only the first byte comes; what reading it rejects with. */
async function aSlowBody(t: TestContext, signal: AbortSignal) {
  const asked = Promise.withResolvers<void>();
  const failure = Promise.withResolvers<RequestError>();
  const port = await serve(t, (request) => {
    new Bodies().read(request, signal).catch(failure.resolve);
    asked.resolve();
  });
  const socket = connect(port, '127.0.0.1').resume();
  t.after(() => socket.destroy());
  const closed = once(socket, 'close');
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{');
  await asked.promise;
  return { socket, closed, failure: failure.promise };
}

test('a body that is not here when the signal aborts is 408, and its connection ends', async (t) => {
  const deadline = new AbortController();
  const { failure, closed } = await aSlowBody(t, deadline.signal);
  deadline.abort();
  const { status, message } = await failure;
  assert.deepEqual([status, message], [408, 'the body came too slowly']);
  await closed;
});

test('so is one whose signal had aborted before', async (t) => {
  const { failure, closed } = await aSlowBody(t, AbortSignal.abort());
  assert.equal((await failure).status, 408);
  await closed;
});

test('a body that breaks off is 400', async (t) => {
  const { failure, socket } = await aSlowBody(t, new AbortController().signal);
  socket.destroy();
  const { status, message } = await failure;
  assert.deepEqual([status, message], [400, 'the connection ended before the body']);
});
