import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LOG } from '../../../src/log/messages.ts';
import { POLICY_KEY } from '../../../src/policy/policy-annotation.ts';
import { evict, evictUntil, MARKED, metric } from '../support/evict.ts';
import { type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

const MARK = 'cao.couchbase.com/reschedule';
const PLACES = [
  { on: 'the pod', namespace: 'said-pod', path: '/api/v1/namespaces/said-pod/pods/cb-0000' },
  {
    on: 'CouchbaseCluster cb',
    namespace: 'said-cb',
    path: '/apis/couchbase.com/v2/namespaces/said-cb/couchbaseclusters/cb',
  },
  { on: 'Namespace said-ns', namespace: 'said-ns', path: '/api/v1/namespaces/said-ns' },
] as const;

let rig: Rig;
let hook: RunningHook;
let scenes: readonly Scene[];

/** What is held is held before the hook has its first list: a watch could be behind, and the pod would be marked. */
before(async () => {
  rig = await startRig();
  const operator = { periodMs: 3_600_000 };
  const cluster = { process: 'InPlaceUpgrade' } as const;
  scenes = await Promise.all(
    PLACES.map(({ namespace }) => aScene({ rig, hook: 'said', namespace, cluster, size: 2, operator, pdb: false })),
  );
  for (const scene of scenes) await scene.cordon(scene.node(1));
  for (const { path } of PLACES) await say(path, 'hold');
  hook = await rig.hook('said', { POLICY_ANNOTATIONS: 'true', STALL_AFTER: '1s' });
});

after(() => rig?.stop());

async function say(path: string, word: string): Promise<void> {
  const body = { metadata: { annotations: { [POLICY_KEY]: word } } };
  await rig.client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
}

for (const [i, { on, path }] of PLACES.entries()) {
  test(`${on} says hold: refused without a mark, and reported. It says ignore: let go`, async () => {
    const here = scenes[i] as Scene;
    const { code, message } = await evict(here, 'cb-0000');
    assert.deepEqual(
      [code, message],
      [429, message.replace(/\(.*\)/, `(${POLICY_KEY} on ${on} says hold, so nobody is asked to move it)`)],
    );
    assert.equal((await here.pod('cb-0000'))?.annotations[MARK], undefined);
    const reported = () => hook.lines.find((line) => line.message === LOG.stalled && line.namespace === here.namespace);
    await here.until('a report', reported);
    assert.equal(reported()?.hindrance, 'Held');
    await say(path, 'ignore');
    await evictUntil(here, 'cb-0000', /^$/);
    const wasLetGo = ({ message, reason, namespace }: Record<string, unknown>) =>
      message === LOG.allowed && reason === 'Ignored' && namespace === here.namespace;
    await here.until('the line of the log', () => hook.lines.some(wasLetGo));
    await here.until('the count', async () => (await metric(hook, 'reschedule_hook_decisions_total', /"Held"/)) > i);
  });
}

test('a marked pod that says ignore is let go by its UID, and not by its name', async () => {
  const here = scenes[0] as Scene;
  const [pod, path] = ['cb-0001', '/api/v1/namespaces/said-pod/pods/cb-0001'];
  await evictUntil(here, pod, MARKED);
  await say(path, 'ignore');
  await evictUntil(here, pod, /says ignore, but it is marked: an eviction by name could hit its successor/);
  const uid = (await here.pod(pod))?.uid ?? '';
  assert.equal((await evict(here, pod, { uid })).code, 201);
});
