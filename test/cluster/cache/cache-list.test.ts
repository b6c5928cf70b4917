import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { createPod } from '../../../testkit/couchbase/workload.ts';
import type { LogLine } from '../../../testkit/log-lines.ts';
import type { TcpProxy } from '../../support/tcp-proxy.ts';
import type { ApiGate, Passing } from '../support/api-gate.ts';
import { keepAsking } from '../support/asking.ts';
import { prepareBehindProxy } from '../support/behind-gate.ts';
import { compactEtcd } from '../support/etcd.ts';
import { startUnready } from '../support/own-hook.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { cached, type FaultedHook, makeChange, untilRight } from '../support/right-again.ts';
import { aWard, type Ward } from '../support/ward.ts';

const PAGE = 100;
/** More than two pages. */
const CROWD = 250;
/** A page of a hundred is some 400 KB: heavier ones the hook asks for in smaller pages. */
const PADDING = 'x'.repeat(3_000);

let rig: Rig;
let ward: Ward;

before(async () => {
  rig = await startRig();
  ward = await aWard(rig, 'crowd');
  await ward.markByHand('marked');
  await crowd(CROWD);
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

/** A hook that meets a fault at its first call, and is being asked from before its cache has anything. */
async function aStartingHook(name: string, beginFault: (world: { proxy: TcpProxy; gate: ApiGate }) => void) {
  const gated = await prepareBehindProxy(rig, name);
  beginFault(gated);
  const { ready } = await startUnready(gated.hook);
  const asking = await keepAsking(rig, gated.hook, ward, { ready: false });
  return { rig, ward, ...gated, ready, asking };
}

/** So many failures of the list of pods, after each of which the cache has the pages that came, and does not pass for synced. */
async function untilFailed({ hook }: FaultedHook, times: number, objects: number): Promise<LogLine> {
  let since = 0;
  for (let n = 1; ; n++) {
    const isIt = ({ message, kind }: LogLine) => message === 'Watch interrupted' && kind === 'pods';
    const line = await hook.waitForLine(isIt, { since });
    assert.equal(await cached(hook, 'pods'), objects, 'whole pages');
    assert.equal((await fetch(`${hook.healthUrl}/readyz`)).status, 503);
    if (n === times) return line;
    since = hook.lines.indexOf(line) + 1;
  }
}

type Starting = Awaited<ReturnType<typeof aStartingHook>>;

/** Ends the fault, and waits until the cache has all there is, of which some came to be during the fault. */
async function untilWhole(t: TestContext, starting: Starting, endFault: () => unknown): Promise<void> {
  const { ready, asking, ...faulty } = starting;
  const change = await makeChange(faulty);
  await asking.cordonSuccessor();
  const since = performance.now();
  await endFault();
  await ready;
  assert.ok((await cached(faulty.hook, 'pods')) > CROWD, 'ready with all of them');
  await untilRight(t, faulty, { since, asking, change });
}

describe('an initial list of several pages that is interrupted', () => {
  test('cut in the middle of its second page', async (t) => {
    const cutEvery = (await pageBytes()) * 1.5;
    const starting = await aStartingHook('cut', ({ proxy }) => proxy.cutAfter(cutEvery));
    await untilFailed(starting, 2, PAGE);
    assert.ok(starting.proxy.cuts >= 2);
    await untilWhole(t, starting, () => starting.proxy.pass());
  });

  test('reset in the middle of its first page', async (t) => {
    const cutEvery = (await pageBytes()) / 2;
    const starting = await aStartingHook('reset', ({ proxy }) => proxy.cutAfter(cutEvery, 'reset'));
    await untilFailed(starting, 2, 0);
    assert.ok(starting.proxy.cuts >= 2);
    await untilWhole(t, starting, () => starting.proxy.pass());
  });

  test('etcd compacted and the API server restarted between two pages: the continue token has expired', async (t) => {
    const held = Promise.withResolvers<void>();
    const { promise: until, resolve: letGo } = Promise.withResolvers<void>();
    const starting = await aStartingHook('expired', ({ gate }) => {
      gate.rule = (request) => {
        if (!isPodList(request) || !request.query.has('continue')) return undefined;
        held.resolve();
        return { kind: 'hold', until };
      };
    });
    await held.promise;
    // A revision after the one of the list, so that the list's own can be forgotten.
    await ward.addPod('between-pages', { running: false });
    assert.equal(await cached(starting.hook, 'pods'), PAGE, 'whole pages');
    assert.equal((await fetch(`${starting.hook.healthUrl}/readyz`)).status, 503);
    await rig.controlPlane.apiServer.stop();
    await compactEtcd(rig);
    await rig.controlPlane.apiServer.start();
    // At once: a call of the hook lasts no longer than half a minute.
    letGo();
    const isIt = ({ message, kind }: LogLine) => message === 'Watch interrupted' && kind === 'pods';
    const { error, next } = await starting.hook.waitForLine(isIt);
    assert.match(String(error), /: 410 The provided continue parameter is too old/);
    assert.equal(next, 'list');
    await untilWhole(t, starting, () => undefined);
  });
});
