import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { type EmbeddedCluster, startEmbedded } from '../../../rehearsal/embedded-api/cluster.ts';
import { watchEvents } from '../../../src/informer/watch-events.ts';
import type { ApiClient } from '../../../src/kube/client.ts';
import { ApiError, ApiUnreachableError } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { connect } from '../../../testkit/connect.ts';
import { createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';

/** A cluster for one test, gone with it. */
async function withCluster(use: (client: ApiClient, cluster: EmbeddedCluster) => Promise<void>): Promise<void> {
  const cluster = await startEmbedded({ nodes: 1, bookmarkEveryMs: 20 });
  const { client, close } = await connect(cluster.kubeconfigPath);
  try {
    await use(client, cluster);
  } finally {
    await close();
    await cluster.stop();
  }
}

const watch = async (client: ApiClient, query: Record<string, string | boolean>) =>
  watchEvents(await client.stream({ method: 'GET', path: '/api/v1/pods', query: { watch: true, ...query } }));

test('a watch that asks for them gets bookmarks; ended, it ends without an error', () =>
  withCluster(async (client, cluster) => {
    const types: string[] = [];
    for await (const { type } of await watch(client, { allowWatchBookmarks: true, timeoutSeconds: '5' })) {
      types.push(type);
      if (types.length === 3) cluster.endWatches();
    }
    assert.deepEqual(types.slice(0, 3), ['BOOKMARK', 'BOOKMARK', 'BOOKMARK']);
  }));

test('stopped, it cannot be reached and nothing moves; started, all is there and goes on', () =>
  withCluster(async (client, { apiServer }) => {
    await createPod(client, { namespace: 'default', name: 'a', annotations: { 'fake-kubelet/ready': 'false' } });
    const before = await waitForPod(client, { namespace: 'default', name: 'a' }, ({ phase }) => phase === 'Running');
    await apiServer.stop();
    const path = podPath('default', 'a');
    await assert.rejects(client.json({ method: 'GET', path }), ApiUnreachableError);
    await apiServer.start();
    const body = { metadata: { annotations: { 'fake-kubelet/ready': 'true' } } };
    await client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
    const after = await waitForPod(client, { namespace: 'default', name: 'a' });
    assert.equal(after.uid, before.uid);
  }));

test('compacted, a watch that hangs goes on; one from before gets 410', () =>
  withCluster(async (client, cluster) => {
    const list = await client.json({ method: 'GET', path: '/api/v1/pods' });
    const { resourceVersion } = list.metadata as { resourceVersion: string };
    const hanging = await watch(client, { resourceVersion });
    await createPod(client, { namespace: 'default', name: 'a' });
    cluster.compact();
    const first = await hanging.next();
    assert.equal(first.value?.type, 'ADDED');
    await hanging.return(undefined);
    const late = await watch(client, { resourceVersion });
    await assert.rejects(late.next(), (error) => error instanceof ApiError && error.code === 410);
  }));

test('what the embedded API cannot look at, it refuses: conditions in CEL', () =>
  withCluster(async (client) => {
    const webhook = { name: 'a.b.c', sideEffects: 'None', matchConditions: [{ name: 'x', expression: 'true' }] };
    const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
    const body = { metadata: { name: 'a' }, webhooks: [webhook] };
    await assert.rejects(client.json({ method: 'POST', path, body }), /does not evaluate CEL/);
  }));

test('keeps its secrets to this user, and leaves nothing behind', async () => {
  const cluster = await startEmbedded({ nodes: 1 });
  assert.equal(statSync(cluster.dir).mode & 0o777, 0o700);
  assert.equal(statSync(cluster.kubeconfigPath).mode & 0o777, 0o600);
  await cluster.stop();
  assert.equal(existsSync(cluster.dir), false);
});
