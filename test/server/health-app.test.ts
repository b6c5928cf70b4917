import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { LOG } from '../../src/log/messages.ts';
import { createHealthApp } from '../../src/server/health-app.ts';
import { aLog } from '../support/log.ts';
import { ask, serve } from '../support/loopback.ts';

async function aHealthApp(t: TestContext, text: () => Promise<string> = async () => 'up 1\n') {
  const log = aLog();
  const state = { notReady: undefined as string | undefined };
  const metrics = { contentType: 'text/plain; version=0.0.4; charset=utf-8', metrics: text };
  const app = createHealthApp({
    notReady: () => state.notReady,
    details: () => ['pods: 3, heard of 12s ago'],
    metrics,
    log,
  });
  const port = await serve(t, app.callback());
  return { log, state, get: (path: string, method = 'GET') => ask(port, { path, method }) };
}

describe('the health endpoints', () => {
  test('/livez is fine while the process works, ready or not', async (t) => {
    const { get, state } = await aHealthApp(t);
    state.notReady = 'it is stopping';
    const { status, body } = await get('/livez');
    assert.deepEqual([status, body], [200, 'ok\n']);
  });

  test('/readyz?verbose adds how fresh the cache is', async (t) => {
    const { get, state } = await aHealthApp(t);
    assert.equal((await get('/readyz?verbose')).body, 'ok\npods: 3, heard of 12s ago\n');
    state.notReady = 'it is stopping';
    assert.equal((await get('/readyz?verbose')).body, 'not ready: it is stopping\npods: 3, heard of 12s ago\n');
  });

  test('/readyz says why it is not ready', async (t) => {
    const { get, state } = await aHealthApp(t);
    assert.equal((await get('/readyz')).status, 200);
    state.notReady = 'the cache has not synced';
    const { status, body } = await get('/readyz');
    assert.deepEqual([status, body], [503, 'not ready: the cache has not synced\n']);
  });

  test('/metrics are of the type that the registry names', async (t) => {
    const { get } = await aHealthApp(t);
    const { headers, body } = await get('/metrics');
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(body, 'up 1\n');
  });

  test('/metrics that fail are a 500 without a stack trace, and the process lives on', async (t) => {
    const { get, log } = await aHealthApp(t, () => Promise.reject(new Error('a gauge')));
    const { status, body } = await get('/metrics');
    assert.deepEqual([status, body], [500, 'Internal Server Error']);
    assert.equal((await get('/livez')).status, 200);
    assert.equal(log.lines[0]?.fields.error, 'a gauge');
  });

  for (const [method, path] of [
    ['GET', '/'],
    ['POST', '/livez'],
    ['POST', '/eviction'],
  ] as const) {
    test(`${method} ${path} is 404, and logged`, async (t) => {
      const { get, log } = await aHealthApp(t);
      const { status, body } = await get(path, method);
      assert.deepEqual([status, JSON.parse(body)], [404, { error: `there is nothing at ${method} ${path}` }]);
      assert.deepEqual(log.lines, [{ level: 'warn', message: LOG.badRequest, fields: { status: 404, method, path } }]);
    });
  }
});
