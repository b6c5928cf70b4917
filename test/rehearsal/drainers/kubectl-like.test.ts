import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApiClient } from '../../../src/kube/client.ts';
import { nodePath, podPath } from '../../../src/kube/paths.ts';
import { type Connected, connect } from '../../../src/rehearsal/connect.ts';
import { kubectlLikeDrainer } from '../../../src/rehearsal/drainers/kubectl-like.ts';
import { type EmbeddedCluster, startEmbedded } from '../../../src/rehearsal/embedded/cluster.ts';
import { listPods } from '../../../src/rehearsal/pods.ts';
import { NotYet, until } from '../../../src/rehearsal/until.ts';
import {
  createDeployment,
  createNamespace,
  createPdb,
  createPod,
  waitForPod,
} from '../../../src/rehearsal/workload.ts';
import { refusal } from '../../support/api.ts';

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
  const drainer = kubectlLikeDrainer({ client: connected.client, retryAfterMs: 20, pollEveryMs: 20 });
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
  const refusal = /^error when evicting pods\/"web-…" -n "budget" \(will retry after 0\.02s\): Cannot evict pod/;
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
  const drainer = kubectlLikeDrainer({ client: answering, retryAfterMs: 20, pollEveryMs: 20 });
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
    assert.match(last, /^error: unable to drain node "node-1": fake: \d+ so$/);
  }
});
