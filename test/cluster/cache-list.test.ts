import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test';
import type { LogLine } from '../../src/rehearsal/log-lines.ts';
import { createPod } from '../../src/rehearsal/workload.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type ApiGate, type Passing, startApiGate } from './support/api-gate.ts';
import { keepAsking } from './support/asking.ts';
import { compactEtcd } from './support/etcd.ts';
import { type Approach, prepareHook, startUnready } from './support/own-hook.ts';
import { type Rig, startRig } from './support/rig.ts';
import { cached, type FaultedHook, untilRight } from './support/right-again.ts';
import { aWard, type Ward } from './support/ward.ts';

const PAGE = 100;
/** More than two pages. */
const CROWD = 250;
/** A page is a good megabyte. */
const PADDING = 'x'.repeat(10_000);

let rig: Rig;
let gate: ApiGate;
let ward: Ward;

before(async () => {
  rig = await startRig();
  [gate, ward] = await Promise.all([startApiGate(rig), aWard(rig, 'crowd')]);
  await ward.markByHand('marked');
  await crowd(CROWD);
});

beforeEach(() => {
  gate.rule = () => undefined;
});

after(() => rig?.stop());

/** Selected pods that no scheduler takes. */
async function crowd(count: number): Promise<void> {
  const labels = { app: 'couchbase', couchbase_cluster: 'cb' };
  const options = { namespace: 'crowd', labels, annotations: { padding: PADDING }, spec: { schedulerName: 'nobody' } };
  const names = Array.from({ length: count }, (_, n) => `crowd-${n}`);
  const hand = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      await createPod(rig.client, { ...options, name });
    }
  };
  await Promise.all(Array.from({ length: 16 }, hand));
}

const isPodList = ({ path, query }: Passing) => path === '/api/v1/pods' && query.get('watch') === null;

/** How many bytes a full page of pods has. */
async function pageBytes(): Promise<number> {
  const query = { limit: PAGE, labelSelector: 'app=couchbase' };
  return JSON.stringify(await rig.client.json({ method: 'GET', path: '/api/v1/pods', query })).length;
}

async function aProxy(): Promise<TcpProxy> {
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(rig.controlPlane.server).port) });
  rig.atStop(() => proxy.close());
  return proxy;
}

/** A hook that is being asked from before its cache has anything. */
async function aStartingHook(name: string, approach: Approach) {
  const hook = await prepareHook(rig, name, approach);
  const since = performance.now();
  const { ready } = await startUnready(hook);
  const faulty: FaultedHook = { rig, hook, ward };
  return { ...faulty, ready, since, asking: keepAsking(rig, hook, ward, { ready: false }) };
}

/** So many failures of the list of pods, after each of which the cache has the pages that came, and does not pass for synced. */
async function untilFailed({ hook }: FaultedHook, times: number, objects: number): Promise<LogLine> {
  let since = 0;
  for (let n = 1; ; n++) {
    const isIt = ({ message, kind }: LogLine) => message === 'Watch interrupted' && kind === 'pods';
    const line = await hook.waitForLine(isIt, { since, timeoutMs: 60_000 });
    assert.equal(await cached(hook, 'pods'), objects, 'whole pages');
    assert.equal((await fetch(`${hook.healthUrl}/readyz`)).status, 503);
    if (n === times) return line;
    since = hook.lines.indexOf(line) + 1;
  }
}

async function untilWhole(t: TestContext, starting: Awaited<ReturnType<typeof aStartingHook>>): Promise<void> {
  const { ready, since, asking, ...faulty } = starting;
  await ready;
  assert.ok((await cached(faulty.hook, 'pods')) > CROWD, 'ready with all of them');
  await untilRight(t, faulty, { since, asking });
}

describe('an initial list of several pages that is interrupted', () => {
  test('cut in the middle of its second page', async (t) => {
    const proxy = await aProxy();
    proxy.cutAfter((await pageBytes()) * 1.5);
    const starting = await aStartingHook('cut', { server: `https://127.0.0.1:${proxy.port}` });
    await untilFailed(starting, 2, PAGE);
    assert.ok(proxy.cuts >= 2);
    proxy.pass();
    await untilWhole(t, starting);
  });

  test('reset in the middle of its first page', async (t) => {
    const proxy = await aProxy();
    proxy.cutAfter((await pageBytes()) / 2, 'reset');
    const starting = await aStartingHook('reset', { server: `https://127.0.0.1:${proxy.port}` });
    await untilFailed(starting, 2, 0);
    assert.ok(proxy.cuts >= 2);
    proxy.pass();
    await untilWhole(t, starting);
  });

  test('etcd compacted and the API server restarted between two pages: the continue token has expired', async (t) => {
    const held = Promise.withResolvers<void>();
    const { promise: until, resolve: letGo } = Promise.withResolvers<void>();
    gate.rule = (request) => {
      if (!isPodList(request) || !request.query.has('continue')) return undefined;
      held.resolve();
      return { kind: 'hold', until };
    };
    const starting = await aStartingHook('expired', { server: gate.url, ca: rig.authority.ca });
    await held.promise;
    // A revision after the one of the list, so that the list's own can be forgotten.
    await ward.addPod('between-pages');
    await rig.controlPlane.apiServer.stop();
    await compactEtcd(rig);
    await rig.controlPlane.apiServer.start();
    letGo();
    const { error, next } = await untilFailed(starting, 1, PAGE);
    assert.match(String(error), /: 410 The provided continue parameter is too old/);
    assert.equal(next, 'list');
    await untilWhole(t, starting);
  });
});
