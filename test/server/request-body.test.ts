import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bodies } from '../../src/server/request-body.ts';
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
