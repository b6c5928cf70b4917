import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { JsonObject } from '../../../src/kube/client.ts';
import { ApiError } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { ensureAssets } from '../../../testkit/control-plane/assets.ts';
import { createNamespace, createPod } from '../../../testkit/couchbase/workload.ts';
import { listPods } from '../../../testkit/pods.ts';
import { evict, evictUntil, MARKED, metric } from '../support/evict.ts';
import { HOOK_LABEL, type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { addNode } from '../support/scene.ts';

/*
 * The API of EvictionRequests (KEP-4563) is alpha in Kubernetes 1.37, the first that has it. An older API server does not start
 * with its gate. There the test shows that it is not served, and that evictions need nothing of it.
 */
const FIRST = 37;
const GATE = ['--feature-gates=EvictionRequestAPI=true', '--runtime-config=lifecycle.k8s.io/v1alpha1=true'];
const GROUP = '/apis/lifecycle.k8s.io/v1alpha1';
const NAMESPACE = 'requests';
const REQUESTS = `${GROUP}/namespaces/${NAMESPACE}/evictionrequests`;
const NODE = 'requests-1';

let rig: Rig;
let hook: RunningHook;
let isServed: boolean;

before(async () => {
  const { kubeApiserver } = await ensureAssets();
  const { stdout } = await promisify(execFile)(kubeApiserver, ['--version']);
  isServed = Number(/v1\.(\d+)\./.exec(stdout)?.[1]) >= FIRST;
  rig = await startRig({ controlPlane: { apiServerArgs: isServed ? GATE : [] } });
  hook = await rig.hook('requests');
  await createNamespace(rig.client, NAMESPACE, { [HOOK_LABEL]: 'requests' });
  await addNode(rig, NODE, NAMESPACE, false);
});
after(() => rig?.stop());

/** The HTTP status, and what the API server says of it. */
async function call(
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  body?: object,
): Promise<{ code: number; text: string; object?: JsonObject }> {
  const patch = method === 'PATCH' ? { contentType: 'application/merge-patch+json' as const } : {};
  try {
    const object = await rig.client.json({ method, path, ...patch, ...(body && { body }) });
    return { code: method === 'POST' ? 201 : 200, text: '', object };
  } catch (error) {
    if (error instanceof ApiError) return { code: error.code, text: error.message };
    throw error;
  }
}

const anEvictionRequest = (name: string, pod: object, requester = 'example.com/drainer') => ({
  apiVersion: 'lifecycle.k8s.io/v1alpha1',
  kind: 'EvictionRequest',
  metadata: { name, namespace: NAMESPACE },
  spec: { target: { pod }, requester, intent: 'Eviction' },
});

async function aMember(name: string): Promise<{ name: string; uid: string }> {
  await createPod(rig.client, { namespace: NAMESPACE, name, node: NODE, labels: { app: 'couchbase' } });
  const pod = (await listPods(rig.client, NAMESPACE)).find((one) => one.name === name);
  return { name, uid: pod?.uid ?? '' };
}

const asked = () => metric(hook, 'reschedule_hook_decisions_total');

describe('an EvictionRequest for a protected pod', () => {
  test('is served from 1.37 on, with its gate', async () => {
    const { code } = await call('GET', GROUP);
    assert.equal(code, isServed ? 200 : 404);
  });

  test('names the pod by name and UID, and a requester that is nobody of Kubernetes', async () => {
    const pod = await aMember('validated');
    const nobody = { name: 'nobody', uid: '00000000-0000-4000-8000-000000000000' };
    const cases: readonly (readonly [string, object, number, RegExp])[] = [
      ['no-uid', anEvictionRequest('no-uid', { name: pod.name }), 422, /spec\.target\.pod\.uid: Required value/],
      ['reserved', anEvictionRequest('reserved', pod, 'drain.k8s.io/kubectl'), 422, /spec\.requester/],
      ['bare', anEvictionRequest('bare', pod, 'kubectl'), 422, /spec\.requester/],
      ['of-nobody', anEvictionRequest('of-nobody', nobody), 201, /^$/],
      ['right', anEvictionRequest('right', pod), 201, /^$/],
    ];
    for (const [name, body, code, says] of cases) {
      const answer = await call('POST', REQUESTS, body);
      assert.equal(answer.code, isServed ? code : 404, `${name}: ${answer.text}`);
      if (isServed) assert.match(answer.text, says, name);
    }
    const other = await call('PATCH', `${REQUESTS}/right`, { spec: { target: { pod: nobody } } });
    const withdrawn = await call('PATCH', `${REQUESTS}/right`, { spec: { intent: 'Withdrawn' } });
    assert.deepEqual([other.code, withdrawn.code], isServed ? [422, 200] : [404, 404], other.text);
  });

  test('asks nobody, for there is no controller yet: the hook hears of it from whoever evicts the pod', async () => {
    const pod = await aMember('requested');
    const before = await asked();
    const request = await call('POST', REQUESTS, anEvictionRequest('requested', pod));
    // Its controller would write this object, and the responders of the pod would work on it.
    const eviction = await call('POST', `${GROUP}/namespaces/${NAMESPACE}/evictions`, {
      apiVersion: 'lifecycle.k8s.io/v1alpha1',
      kind: 'Eviction',
      metadata: { name: 'requested', namespace: NAMESPACE },
      spec: { target: { pod } },
    });
    assert.deepEqual([request.code, eviction.code], isServed ? [201, 201] : [404, 404], request.text + eviction.text);
    assert.equal(await asked(), before, 'neither object is an eviction for the hook');

    // What its default responder does.
    await evictUntil({ rig, namespace: NAMESPACE }, pod.name, MARKED, { uid: pod.uid });
    const waiting = await evict({ rig, namespace: NAMESPACE }, pod.name);
    assert.equal(waiting.code, 429);
    assert.match(waiting.message, /Pod waiting to be rescheduled \(marked/);
    assert.ok((await asked()) > before);
    const left = await call('GET', `${REQUESTS}/requested`);
    assert.equal(left.code, isServed ? 200 : 404);
    assert.equal((left.object?.status as JsonObject | undefined)?.observedGeneration, undefined, 'nobody has seen it');
  });

  test('a pod that names responders is marked like any other, and keeps them', async () => {
    const responders = [{ name: 'reschedule.hook/responder', priority: 5_000 }];
    const name = 'responding';
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: NAMESPACE, name, labels: { app: 'couchbase' } },
      spec: {
        evictionResponders: responders,
        nodeName: NODE,
        containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.10' }],
      },
    };
    await rig.client.json({ method: 'POST', path: `/api/v1/namespaces/${NAMESPACE}/pods`, body });
    await evictUntil({ rig, namespace: NAMESPACE }, name, MARKED);
    const { spec: stored } = (await rig.client.json({ method: 'GET', path: podPath(NAMESPACE, name) })) as {
      spec: JsonObject;
    };
    assert.deepEqual(
      stored.evictionResponders,
      isServed ? responders : undefined,
      'unknown before 1.37, so it is dropped',
    );
  });
});
