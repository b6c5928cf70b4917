import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { podPath } from '../../../src/kube/paths.ts';
import { WITHDRAWN_AFTER_MS } from '../../../src/policy/entry-lifecycle.ts';
import { createNamespace, createPod } from '../../../testkit/couchbase/workload.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { untilTrue } from '../../support/until-true.ts';
import { type ApiGate, startApiGate } from '../support/api-gate.ts';
import { aSelfKept, type SelfKept } from '../support/own-certificates.ts';
import { startUnready } from '../support/own-hook.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { untilCounted } from '../support/right-again.ts';
import { untilSaid } from '../support/told.ts';

const NODE_OPTIONS = `--import=${new URL('../support/hasty-clock.ts', import.meta.url).href}`;
const HOUR_MS = 3_600_000;
const PODS = '/api/v1/pods';
const MERGE_PATCH = 'application/merge-patch+json';

let rig: Rig;
let kept: SelfKept;
let gate: ApiGate;
let hook: HookProcess;

before(async () => {
  rig = await startRig();
  kept = await aSelfKept(rig, 'used');
  gate = await startApiGate(rig);
  for (const name of ['one', 'two']) {
    await createNamespace(rig.client, name);
    await createPod(rig.client, { namespace: name, name: 'cb-0000', labels: { app: 'couchbase' } });
  }
  await kept.register();
  const env = { PROTECT_NAMESPACES: 'used', NODE_OPTIONS };
  hook = await kept.replica(env, { server: gate.url, ca: rig.authority.ca });
});

after(() => rig?.stop());

async function names(): Promise<readonly string[] | undefined> {
  const { webhooks = [] } = (await kept.registration()) as {
    webhooks?: readonly { namespaceSelector: { matchExpressions: readonly { values: readonly string[] }[] } }[];
  };
  return webhooks[0]?.namespaceSelector.matchExpressions[0]?.values;
}

/**
 * Waits until the hook has looked at its registration as it is now, and has done what it then does. A read may be one for its
 * certificates, and a look ends before the next read: so of three one is such a look, and over.
 */
async function untilLooked(): Promise<void> {
  const path = kept.registrationPath;
  for (let reads = 0; reads < 3; reads++) {
    const before = gate.passed.length;
    const isRead = () => gate.passed.slice(before).some((one) => one.method === 'GET' && one.path === path);
    // One that was under way may have read what is written now, and then there is no news.
    const poke = async () => {
      const annotations = { 'test/poke': `${performance.now()}` };
      await rig.client.json({ method: 'PATCH', path, contentType: MERGE_PATCH, body: { metadata: { annotations } } });
      return isRead();
    };
    await untilTrue('a read', async () => isRead() || (await poke()), { everyMs: 200 });
  }
}

const writes = () => gate.passed.filter(({ method, path }) => method === 'PATCH' && path === kept.registrationPath);
/** The live reads by which a namespace may go. */
const liveLists = () =>
  gate.passed.map(({ path }) => path).filter((path) => /^\/api\/v1\/namespaces\/\w+\/pods$/.test(path));

async function putOnByAnHour(): Promise<void> {
  const message = 'the clock was put on';
  const count = hook.lines.filter((line) => line.message === message).length;
  const times = Math.ceil(HOUR_MS / WITHDRAWN_AFTER_MS) + 1;
  for (let done = 1; done <= times; done++) {
    hook.kill('SIGUSR2');
    await untilSaid([hook], message, count + done);
  }
}

describe('PROTECT_NAMESPACES=used, and when a namespace goes', () => {
  test('a namespace whose last pod has gone stays, also when the replica starts again', async () => {
    await hook.start();
    await untilTrue('both', async () => (await names())?.length === 2);
    assert.deepEqual(await names(), ['one', 'two']);
    const path = podPath('two', 'cb-0000');
    await rig.client.json({ method: 'DELETE', path, query: { gracePeriodSeconds: 0 } });
    await untilCounted(rig, hook, 'pods');
    await untilLooked();
    await hook.restart();
    await untilLooked();
    assert.deepEqual(await names(), ['one', 'two']);
    assert.deepEqual(liveLists(), []);
  });

  test('a replica that has not synced takes nothing away, not in an hour, even if its Pod counts as ready', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    gate.rule = ({ path, query }) =>
      path === PODS && query.get('watch') !== 'true' ? { kind: 'hold', until: held } : undefined;
    await hook.stop();
    const before = writes().length;
    const { ready } = await startUnready(hook);
    await untilTrue('the kubelet to have seen it', async () => (await conditionOfPod()) === 'False');
    await countAsReady();
    await untilLooked();
    await putOnByAnHour();
    await untilLooked();
    assert.equal(await conditionOfPod(), 'True');
    assert.equal((await fetch(`${hook.healthUrl}/readyz`)).status, 503);
    assert.deepEqual(await names(), ['one', 'two']);
    assert.deepEqual(liveLists(), []);
    assert.equal(writes().length, before);

    // What was all the cluster is not narrowed either.
    const all = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'used'] };
    await select([all]);
    await untilLooked();
    assert.deepEqual(await names(), all.values);
    release();
    gate.rule = () => undefined;
    await ready;
    await untilTrue('its own list', async () => (await names())?.[0] === 'one');
  });

  test('with its cache in sync it lets one go after an hour, by a live list of that namespace alone', async () => {
    await select([{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['one', 'two'] }]);
    await untilLooked();
    assert.deepEqual(await names(), ['one', 'two'], 'another replica may have put it there');
    await putOnByAnHour();
    await untilLooked();
    await untilTrue('it to go', async () => (await names())?.length === 1);
    assert.deepEqual(await names(), ['one']);
    assert.deepEqual([...new Set(liveLists())], ['/api/v1/namespaces/two/pods']);
  });
});

/** Changes nothing but the namespaces, as another replica would. */
async function select(matchExpressions: readonly object[]): Promise<void> {
  const body = [{ op: 'replace', path: '/webhooks/0/namespaceSelector', value: { matchExpressions } }];
  const contentType = 'application/json-patch+json';
  await rig.client.json({ method: 'PATCH', path: kept.registrationPath, contentType, body });
}

const POD = podPath('used', 'used-1');

async function conditionOfPod(): Promise<string | undefined> {
  const { status } = (await rig.client.json({ method: 'GET', path: POD })) as {
    status?: { conditions?: readonly { type: string; status: string }[] };
  };
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status;
}

/** As without a readiness probe. */
async function countAsReady(): Promise<void> {
  const lastTransitionTime = new Date(Date.now() - 60_000).toISOString().replace(/\.\d+/, '');
  const body = { status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime }] } };
  const contentType = 'application/strategic-merge-patch+json';
  await rig.client.json({ method: 'PATCH', path: `${POD}/status`, contentType, body });
}
