import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { HookProcess } from '../../src/rehearsal/hook-process.ts';
import type { LogLine } from '../../src/rehearsal/log-lines.ts';
import { until } from '../../src/rehearsal/until.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type Passing, startApiGate } from './support/api-gate.ts';
import { keepAsking, untilAnswered } from './support/asking.ts';
import { anIdentity } from './support/identity.ts';
import { prepareHook } from './support/own-hook.ts';
import { type Rig, startRig } from './support/rig.ts';
import { cached, untilCounted, untilRight } from './support/right-again.ts';
import { aWard } from './support/ward.ts';

const KINDS = ['pods', 'nodes', 'couchbaseclusters'];

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** A file that is replaced as a whole, as the kubelet does. */
async function writeToken(file: string, token: string): Promise<void> {
  await writeFile(`${file}.new`, token);
  await rename(`${file}.new`, file);
}

/** A hook that is a ServiceAccount with what the hook needs, behind a proxy. */
async function aHookAsItself(name: string) {
  const identity = await anIdentity(rig, name);
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(rig.controlPlane.server).port) });
  rig.atStop(() => proxy.close());
  const tokenFile = join(rig.controlPlane.dir, `${name}.token`);
  await writeToken(tokenFile, await identity.newToken('first'));
  const hook = await prepareHook(rig, name, { server: `https://127.0.0.1:${proxy.port}`, tokenFile });
  const [ward] = await Promise.all([aWard(rig, name), hook.start()]);
  await ward.markByHand('marked');
  await untilCounted(rig, hook, 'pods');
  return { rig, hook, ward, proxy, identity, tokenFile };
}

/** Every watch is refused with this code, at least once. A watch that is open goes on until something ends it. */
async function untilRefused(
  { hook, proxy }: { hook: HookProcess; proxy: TcpProxy },
  code: number,
  kinds = KINDS,
): Promise<void> {
  const since = hook.lines.length;
  proxy.reset();
  for (const kind of kinds) {
    const isIt = ({ message, kind: about, error }: LogLine) =>
      message === 'Watch interrupted' && about === kind && String(error).includes(`: ${code} `);
    await hook.waitForLine(isIt, { since, timeoutMs: 90_000 });
  }
}

describe('an API server that refuses the hook', { concurrency: 3 }, () => {
  test('401: the old token is revoked, and the file has the new one some time later', async (t) => {
    const { identity, tokenFile, ...faulty } = await aHookAsItself('token');
    const asking = keepAsking(rig, faulty.hook, faulty.ward);
    await identity.revoke('first');
    await untilRefused(faulty, 401);
    await faulty.ward.addPod('unseen');
    await untilAnswered(asking, 2, /GET .*\/pods\/unseen: 401 Unauthorized/);
    await writeToken(tokenFile, await identity.newToken('second'));
    await untilRight(t, faulty, { since: performance.now(), asking });
  });

  test('403: the ClusterRoleBinding is deleted and comes back', async (t) => {
    const { identity, ...faulty } = await aHookAsItself('rbac');
    const asking = keepAsking(rig, faulty.hook, faulty.ward);
    await identity.unbind();
    await untilRefused(faulty, 403);
    await faulty.ward.addPod('unseen');
    await untilAnswered(asking, 2, /: 403 pods "unseen" is forbidden/);
    await identity.bind();
    await untilRight(t, faulty, { since: performance.now(), asking });
  });

  test('429 with Retry-After on every list and watch: nothing is asked again before that', async (t) => {
    const gate = await startApiGate(rig);
    const hook = await prepareHook(rig, 'busy', { server: gate.url, ca: rig.authority.ca });
    const [ward] = await Promise.all([aWard(rig, 'busy'), hook.start()]);
    await ward.markByHand('marked');
    await untilCounted(rig, hook, 'pods');
    const asking = keepAsking(rig, hook, ward);
    const refused: Passing[] = [];
    const retryAfterMs = 3_000;
    gate.rule = (request) => {
      if (request.method !== 'GET' || !KINDS.some((kind) => request.path.endsWith(`/${kind}`))) return undefined;
      refused.push(request);
      const headers = { 'retry-after': String(retryAfterMs / 1000) };
      const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 429, reason: 'TooManyRequests' };
      return { kind: 'refuse', code: 429, headers, body: { ...status, message: 'the server is overloaded' } };
    };
    gate.dropAll();
    await ward.addPod('unseen');
    // Live reads pass: the pod is found, but the cache does not know it.
    await untilAnswered(asking, 1, /cache has not seen this pod yet/);
    await until(
      'two refusals of each kind',
      async () => assert.ok(KINDS.every((kind) => askedFor(refused, kind).length >= 2)),
      { timeoutMs: 90_000 },
    );
    gate.rule = () => undefined;
    await untilRight(t, { rig, hook, ward }, { since: performance.now(), asking });
    for (const kind of KINDS) {
      const [first, second] = askedFor(refused, kind);
      const pauseMs = (second?.at ?? 0) - (first?.at ?? 0);
      assert.ok(pauseMs >= retryAfterMs, `${kind}: asked again after ${pauseMs} ms`);
    }
  });
});

test('404 of something in between, on the lists of clusters: they are not forgotten', async () => {
  const gate = await startApiGate(rig);
  const hook = await prepareHook(rig, 'hidden', { server: gate.url, ca: rig.authority.ca });
  await Promise.all([aWard(rig, 'hidden'), hook.start()]);
  await untilCounted(rig, hook, 'couchbaseclusters');
  const clusters = await cached(hook, 'couchbaseclusters');
  assert.ok(clusters > 0);
  const refused: Passing[] = [];
  gate.rule = (request) => {
    if (request.method !== 'GET' || !request.path.endsWith('/couchbaseclusters')) return undefined;
    refused.push(request);
    return { kind: 'refuse', code: 404, body: {} };
  };
  gate.dropAll();
  await until('three refusals', async () => assert.ok(refused.length >= 3), { timeoutMs: 90_000 });
  assert.equal(await cached(hook, 'couchbaseclusters'), clusters);
  assert.ok(!hook.lines.some(({ message }) => message === 'Kind not installed'));
  gate.rule = () => undefined;
  await untilCounted(rig, hook, 'couchbaseclusters');
});

const askedFor = (requests: readonly Passing[], kind: string) =>
  requests.filter(({ path }) => path.endsWith(`/${kind}`));
