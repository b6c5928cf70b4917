import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fastClock } from '../../../rehearsal/drainers/clock.ts';
import { drainerOf } from '../../../rehearsal/drainers/drain-node.ts';
import { KUBECTL } from '../../../rehearsal/drainers/models/kubectl.ts';
import { type EmbeddedCluster, startEmbedded } from '../../../rehearsal/embedded-api/cluster.ts';
import type { ApiClient } from '../../../src/kube/client.ts';
import { nodePath, podPath } from '../../../src/kube/paths.ts';
import { type Connected, connect } from '../../../testkit/connect.ts';
import {
  createDeployment,
  createNamespace,
  createPdb,
  createPod,
  waitForPod,
} from '../../../testkit/couchbase/workload.ts';
import { listPods } from '../../../testkit/pods.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { refusal } from '../../support/api.ts';
import { FakeNode } from './fake-node.ts';

let cluster: EmbeddedCluster;
let connected: Connected;

before(async () => {
  cluster = await startEmbedded({ nodes: 1 });
  connected = await connect(cluster.kubeconfigPath);
});
after(async () => {
  await connected?.close();
  await cluster?.stop();
});

async function drain(onRefused: () => void = () => undefined): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const drainer = drainerOf(KUBECTL, connected.client, fastClock(100));
  const onLine = (line: string) => {
    lines.push(line.replace(/-\w{10}-\w{5}\b/, '-…'));
    if (line.includes('will retry')) onRefused();
  };
  return { code: await drainer.drain({ node: 'node-1', timeoutMs: 20_000, onLine }), lines };
}

async function uncordon(): Promise<void> {
  const body = { spec: { unschedulable: false } };
  const contentType = 'application/merge-patch+json';
  await connected.client.json({ method: 'PATCH', path: nodePath('node-1'), contentType, body });
}

async function aNamespaceWithPod(namespace: string): Promise<void> {
  const { client } = connected;
  await createNamespace(client, namespace);
  await createDeployment(client, { namespace, name: 'web' });
  await until('its pod', async () => {
    if (!(await listPods(client, namespace)).some(({ ready }) => ready)) throw new NotYet('not Ready');
  });
}

test('cordons, evicts and waits until the pod is gone', async () => {
  await aNamespaceWithPod('plain');
  assert.deepEqual(await drain(), {
    code: 0,
    lines: ['node/node-1 cordoned', 'evicting pod plain/web-…', 'pod/web-… evicted', 'node/node-1 drained'],
  });
  assert.deepEqual(await drain(), { code: 0, lines: ['node/node-1 already cordoned', 'node/node-1 drained'] });
  await uncordon();
  await connected.client.json({ method: 'DELETE', path: '/api/v1/namespaces/plain' });
});

test('a refusal with 429 is tried again until it is none', async () => {
  const { client } = connected;
  await aNamespaceWithPod('budget');
  await createPdb(client, { namespace: 'budget', cluster: 'b', size: 2, matchLabels: { app: 'web' } });
  const path = '/apis/policy/v1/namespaces/budget/poddisruptionbudgets/b-pdb';
  const { code, lines } = await drain(() => void client.json({ method: 'DELETE', path }).catch(() => undefined));
  assert.equal(code, 0, lines.join('\n'));
  const refusal = /^error when evicting pods\/"web-…" -n "budget" \(will retry after 5s\): Cannot evict pod/;
  assert.ok(
    lines.some((line) => refusal.test(line)),
    lines.join('\n'),
  );
  await uncordon();
  await client.json({ method: 'DELETE', path: '/api/v1/namespaces/budget' });
});

test('a pod that nobody would make again is not evicted', async () => {
  const { client } = connected;
  await createNamespace(client, 'alone');
  await createPod(client, { namespace: 'alone', name: 'a' });
  await waitForPod(client, { namespace: 'alone', name: 'a' });
  const { code, lines } = await drain();
  assert.equal(code, 1);
  assert.match(
    lines.at(-1) ?? '',
    /cannot delete Pods that declare no controller \(use --force to override\): alone\/a/,
  );
  await uncordon();
  await client.json({ method: 'DELETE', path: podPath('alone', 'a'), body: { gracePeriodSeconds: 0 } });
});

/** How the drain of a node with one pod ends where its eviction is answered so. */
async function drainAnswered(code: number, namespace: string): Promise<{ code: number; last: string }> {
  await aNamespaceWithPod(namespace);
  const { client } = connected;
  const answering: ApiClient = {
    ...client,
    json: (call) => (call.method === 'POST' ? Promise.reject(refusal(code, { message: 'so' })) : client.json(call)),
  };
  const lines: string[] = [];
  const drainer = drainerOf(KUBECTL, answering, fastClock(100));
  const result = await drainer.drain({ node: 'node-1', timeoutMs: 20_000, onLine: (line) => lines.push(line) });
  await uncordon();
  await client.json({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
  return { code: result, last: lines.at(-1) ?? '' };
}

test('404 is taken as done at once, though the pod is there', async () => {
  assert.deepEqual(await drainAnswered(404, 'trusting'), { code: 0, last: 'node/node-1 drained' });
});

test('any other refusal fails the drain', async () => {
  for (const code of [400, 403, 409, 422, 500]) {
    const { code: exitCode, last } = await drainAnswered(code, `refused-${code}`);
    assert.equal(exitCode, 1);
    assert.match(last, /^error: unable to drain node "node-1": error when evicting pods\/"web-\S+" -n "\S+": so$/);
  }
});

describe('on a fake clock', () => {
  const setUp = (count: number) => {
    const node = new FakeNode();
    for (let i = 0; i < count; i++) node.add(`pod-${i}`);
    return { node, drainer: drainerOf(KUBECTL, node.client, node.clock) };
  };

  test('10 evictions go at once, then 5 a second: 200 take 38 s', async () => {
    const { node, drainer } = setUp(200);
    const drain = await node.drain(drainer);
    await node.time.advance(0);
    assert.equal(node.asked.length, 10);
    assert.equal(node.lines.filter((line) => line.startsWith('evicting pod')).length, 200);
    await node.time.advance(1_000);
    assert.equal(node.asked.length, 15);
    await node.time.advance(60_000);
    assert.equal(node.asked.length, 200);
    assert.equal(node.asked.at(-1)?.atMs, 38_000);
    assert.equal(drain.code, 0);
  });

  test('what is tried again goes to the end of the queue, so 200 refusals are asked 5 a second still', async () => {
    const { node, drainer } = setUp(200);
    node.answer = () => 429;
    await node.drain(drainer);
    await node.time.advance(38_000);
    assert.equal(new Set(node.asked.map(({ pod }) => pod)).size, 200);
    assert.equal(node.asked.length, 200);
    await node.time.advance(100_000);
    assert.equal(node.asked.length, 700);
  });

  test('after a refusal it asks again 5 s later, for whatever has that name by then, and waits for that to go', async () => {
    const { node, drainer } = setUp(1);
    node.answer = () => 429;
    const drain = await node.drain(drainer);
    await node.time.advance(5_000);
    node.move('pod-0');
    node.evicted = (pod) => node.terminate(pod);
    await node.time.advance(4_999);
    assert.equal(node.asked.length, 2);
    node.answer = () => 201;
    await node.time.advance(20_001);
    assert.equal(node.asked.length, 3);
    assert.equal(drain.code, undefined);
    node.pods.clear();
    await node.time.advance(1_000);
    assert.equal(drain.code, 0);
  });

  test('leaves mirror pods alone, and those of a DaemonSet that are not finished', async () => {
    const { node, drainer } = setUp(0);
    node.add('agent', { owner: 'DaemonSet' });
    node.add('agent-before', { owner: 'DaemonSet', phase: 'Failed' });
    node.add('kube-proxy', { isMirror: true, owner: 'Node' });
    const drain = await node.drain(drainer);
    await drain.ended;
    assert.equal(drain.code, 0);
    assert.deepEqual(
      node.asked.map(({ pod }) => pod),
      ['agent-before'],
    );
    assert.ok(node.lines.includes('Warning: ignoring DaemonSet-managed Pods: db/agent'));
  });
});
