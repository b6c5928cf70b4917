import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import type { LogLine } from '../../../testkit/log-lines.ts';
import { until } from '../../../testkit/until.ts';
import type { TcpProxy } from '../../support/tcp-proxy.ts';
import type { ApiGate, Passing } from '../support/api-gate.ts';
import { keepAsking, untilAnswered } from '../support/asking.ts';
import { prepareBehindGate, prepareBehindProxy } from '../support/behind-gate.ts';
import { anIdentity } from '../support/identity.ts';
import { startUnready } from '../support/own-hook.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { cached, KINDS, makeChange, untilCounted, untilRight } from '../support/right-again.ts';
import { aWard } from '../support/ward.ts';

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
  const tokenFile = join(rig.controlPlane.dir, `${name}.token`);
  await writeToken(tokenFile, await identity.newToken('first'));
  const gated = await prepareBehindProxy(rig, name, { tokenFile });
  const [ward] = await Promise.all([aWard(rig, name), gated.hook.start()]);
  await ward.markByHand('marked');
  await untilCounted(rig, gated.hook, 'pods');
  const asking = await keepAsking(rig, gated.hook, ward);
  return { rig, ward, ...gated, asking, identity, tokenFile };
}

/** Every watch is refused with this code, at least once. A watch that is open goes on until something ends it. */
async function untilRefused({ hook, proxy }: { hook: HookProcess; proxy: TcpProxy }, code: number): Promise<void> {
  const since = hook.lines.length;
  proxy.reset();
  for (const kind of KINDS) {
    const isIt = ({ message, kind: about, error }: LogLine) =>
      message === 'Watch interrupted' && about === kind && String(error).includes(`: ${code} `);
    await hook.waitForLine(isIt, { since });
  }
}

describe('an API server that refuses the hook', { concurrency: 3 }, () => {
  test('401: the old token is revoked, and the file has the new one some time later', async (t) => {
    const { identity, tokenFile, asking, ...faulty } = await aHookAsItself('token');
    await identity.revoke('first');
    await untilRefused(faulty, 401);
    const change = await makeChange(faulty);
    await asking.cordonSuccessor();
    await faulty.ward.addPod('unseen');
    await untilAnswered(asking, 2, /GET .*\/pods\/unseen: 401 Unauthorized/);
    await writeToken(tokenFile, await identity.newToken('second'));
    await untilRight(t, faulty, { since: performance.now(), asking, change });
  });

  test('403: the ClusterRoleBinding is deleted and comes back', async (t) => {
    const { identity, asking, ...faulty } = await aHookAsItself('rbac');
    await identity.unbind();
    await untilRefused(faulty, 403);
    const change = await makeChange(faulty);
    await asking.cordonSuccessor();
    await faulty.ward.addPod('unseen');
    await untilAnswered(asking, 2, /: 403 pods "unseen" is forbidden/);
    await identity.bind();
    await untilRight(t, faulty, { since: performance.now(), asking, change });
  });

  test('429 with Retry-After on every list and watch: nothing is asked again before that', async (t) => {
    const { hook, gate } = await prepareBehindGate(rig, 'busy');
    const [ward] = await Promise.all([aWard(rig, 'busy'), hook.start()]);
    const faulty = { rig, hook, gate, ward };
    await ward.markByHand('marked');
    await untilCounted(rig, hook, 'pods');
    const asking = await keepAsking(rig, hook, ward);
    const refused = overload(gate);
    gate.dropAll();
    await ward.addPod('unseen');
    // Live reads pass: the pod is found, but the cache does not know it.
    await untilAnswered(asking, 1, /cache has not seen this pod yet/);
    const change = await makeChange(faulty);
    await asking.cordonSuccessor();
    await untilAskedTwice(refused);
    gate.rule = () => undefined;
    await untilRight(t, faulty, { since: performance.now(), asking, change });
    assertLeftAlone(refused);
  });

  test('429 with Retry-After on the first lists: the hook waits as long, and does not pass for ready', async (t) => {
    const { hook, gate } = await prepareBehindGate(rig, 'early');
    const ward = await aWard(rig, 'early');
    await ward.markByHand('marked');
    const faulty = { rig, hook, gate, ward };
    const refused = overload(gate);
    const { ready } = await startUnready(hook);
    const asking = await keepAsking(rig, hook, ward, { ready: false });
    const change = await makeChange(faulty);
    await asking.cordonSuccessor();
    await untilAskedTwice(refused);
    assert.equal((await fetch(`${hook.healthUrl}/readyz`)).status, 503);
    assert.deepEqual([...gate.watches], [], 'no watch without a list');
    gate.rule = () => undefined;
    const since = performance.now();
    await ready;
    await untilRight(t, faulty, { since, asking, change });
    assertLeftAlone(refused);
  });
});

test('404 of something in between, on the lists of clusters: they are not forgotten', async (t) => {
  const { hook, gate } = await prepareBehindGate(rig, 'hidden');
  const [ward] = await Promise.all([aWard(rig, 'hidden'), hook.start()]);
  await ward.markByHand('marked');
  await untilCounted(rig, hook, 'couchbaseclusters');
  const clusters = await cached(hook, 'couchbaseclusters');
  assert.ok(clusters > 0);
  const asking = await keepAsking(rig, hook, ward);
  const refused: Passing[] = [];
  gate.rule = (request) => {
    if (request.method !== 'GET' || !request.path.endsWith('/couchbaseclusters')) return undefined;
    refused.push(request);
    return { kind: 'refuse', code: 404, body: {} };
  };
  gate.dropAll();
  await asking.cordonSuccessor();
  await until('three refusals', async () => assert.ok(refused.length >= 3));
  assert.equal(await cached(hook, 'couchbaseclusters'), clusters);
  assert.ok(!hook.lines.some(({ message }) => message === 'Kind not installed'));
  const change = await makeChange({ rig, hook, ward });
  gate.rule = () => undefined;
  await untilRight(t, { rig, hook, gate, ward }, { since: performance.now(), asking, change });
});

const RETRY_AFTER_MS = 3_000;

/** From now on every list and watch is refused, and comes into what is returned. */
function overload(gate: ApiGate): Passing[] {
  const refused: Passing[] = [];
  gate.rule = (request) => {
    if (request.method !== 'GET' || !KINDS.some((kind) => request.path.endsWith(`/${kind}`))) return undefined;
    refused.push(request);
    const headers = { 'retry-after': String(RETRY_AFTER_MS / 1000) };
    const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 429, reason: 'TooManyRequests' };
    return { kind: 'refuse', code: 429, headers, body: { ...status, message: 'the server is overloaded' } };
  };
  return refused;
}

async function untilAskedTwice(refused: readonly Passing[]): Promise<void> {
  await until('two refusals of each kind', async () =>
    assert.ok(KINDS.every((kind) => askedFor(refused, kind).length >= 2)),
  );
}

function assertLeftAlone(refused: readonly Passing[]): void {
  for (const kind of KINDS) {
    const [first, second] = askedFor(refused, kind);
    const pauseMs = (second?.at ?? 0) - (first?.at ?? 0);
    assert.ok(pauseMs >= RETRY_AFTER_MS, `${kind}: asked again after ${pauseMs} ms`);
  }
}

const askedFor = (requests: readonly Passing[], kind: string) =>
  requests.filter(({ path }) => path.endsWith(`/${kind}`));
