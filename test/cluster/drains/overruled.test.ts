import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { REGISTRATIONS } from '../../../src/kube/paths.ts';
import { LOG } from '../../../src/log/messages.ts';
import { POLICY_KEY } from '../../../src/policy/policy-annotation.ts';
import { patchCluster } from '../../../testkit/couchbase/workload.ts';
import { eventsOf, type SeenEvent } from '../support/events.ts';
import { evict, evictUntil, MARKED, metric } from '../support/evict.ts';
import { SYSTEM_NAMESPACE } from '../support/manifests.ts';
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
    [...PLACES, { namespace: 'uncordoned' }, { namespace: 'hanging' }].map(({ namespace }) =>
      aScene({ rig, hook: 'said', namespace, cluster, size: 2, operator, pdb: false }),
    ),
  );
  for (const scene of scenes) await scene.cordon(scene.node(1));
  for (const { path } of PLACES) await say(path, 'hold');
  const dir = await mkdtemp(join(tmpdir(), 'reschedule-hook-test-'));
  rig.atStop(() => rm(dir, { recursive: true }));
  const file = join(dir, 'profiles.yaml');
  await writeFile(file, 'profiles: [{name: couchbase, stallAfter: 1s, withdraw: true}]');
  hook = await rig.hook('said', { POLICY_ANNOTATIONS: 'true', PROFILES_FILE: file });
});

after(() => rig?.stop());

async function say(path: string, word: string): Promise<void> {
  const body = { metadata: { annotations: { [POLICY_KEY]: word } } };
  await rig.client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
}

/** The commands of docs/operations.md for a drain that hangs, each as kubectl takes it; one runs in the hook's container. */
const [, SECTION = ''] = readFileSync(join(import.meta.dirname, '../../../docs/operations.md'), 'utf-8').split(
  /^## A drain hangs$|^### What kubectl prints$/m,
);
const COMMANDS = SECTION.split('\n')
  .map((line) => line.trim())
  .filter((line) => line.startsWith('kubectl ') && !line.includes(' exec '));

test('the commands for a drain that hangs do what docs/operations.md says', async () => {
  const here = scenes.at(-1) as Scene;
  const registration = `reschedule-hook.${SYSTEM_NAMESPACE}`;
  const body = { metadata: { name: registration }, webhooks: [] };
  await rig.client.json({ method: 'POST', path: REGISTRATIONS, body });
  await here.cordon(here.node(1));
  await evictUntil(here, 'cb-0000', MARKED);
  const values: Readonly<Record<string, string>> = {
    HOOK: SYSTEM_NAMESPACE,
    NAMESPACE: here.namespace,
    POD: 'cb-0000',
    NODE: here.node(1),
    MARK,
  };
  const said: string[] = [];
  for (const command of COMMANDS) {
    const words = command.split(' ').slice(1);
    const args = words.map((word) => word.replaceAll('"', '').replace(/\$([A-Z]+)/g, (_, name) => values[name] ?? ''));
    const { code, stdout, stderr } = await rig.controlPlane.kubectl(args);
    assert.equal(code, 0, `${command}: ${stderr}`);
    said.push(stdout.trim());
  }
  const done = said.map((line) => /\b(uncordoned|annotated|deleted)\b/.exec(line)?.[1]);
  const expected = ['uncordoned', 'annotated', 'annotated', 'annotated', 'deleted', 'deleted'];
  assert.deepEqual(done, expected, said.join('\n'));
});

describe('what people overrule', { concurrency: 5 }, () => {
  for (const [i, { on, path }] of PLACES.entries()) {
    test(`${on} says hold: refused without a mark, and reported. It says ignore: let go`, async () => {
      const here = scenes[i] as Scene;
      const { code, message } = await evict(here, 'cb-0000');
      assert.deepEqual(
        [code, message],
        [429, message.replace(/\(.*\)/, `(${POLICY_KEY} on ${on} says hold, so nobody is asked to move it)`)],
      );
      assert.equal((await here.pod('cb-0000'))?.annotations[MARK], undefined);
      const reported = () =>
        hook.lines.find((line) => line.message === LOG.stalled && line.namespace === here.namespace);
      await here.until('a report', reported);
      assert.equal(reported()?.hindrance, 'Held');
      await say(path, 'ignore');
      await evictUntil(here, 'cb-0000', /^$/);
      const wasLetGo = ({ message, reason, namespace }: Record<string, unknown>) =>
        message === LOG.allowed && reason === 'Ignored' && namespace === here.namespace;
      await here.until('the line of the log', () => hook.lines.some(wasLetGo));
      await here.until('the count', async () => (await metric(hook, 'reschedule_hook_decisions_total', /"Held"/)) > 0);
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

  test('the node is uncordoned: the mark of the hook is taken back, and that of somebody else stays', async () => {
    const here = scenes[3] as Scene;
    // It does nothing, and says why: otherwise it might have begun.
    await patchCluster(rig.client, here.namespace, 'cb', { paused: true });
    const markOf = async (name: string) => (await here.pod(name))?.annotations[MARK];
    await evictUntil(here, 'cb-0000', MARKED);
    const body = { metadata: { annotations: { [MARK]: 'true' } } };
    const path = '/api/v1/namespaces/uncordoned/pods/cb-0001';
    await rig.client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
    await here.cordon(here.node(1), false);
    await here.until('the mark to go', async () => (await markOf('cb-0000')) === undefined);
    assert.equal(await markOf('cb-0001'), 'true');
    const isOfIt = ({ reason, involvedObject }: SeenEvent) =>
      reason === 'RescheduleWithdrawn' && involvedObject.name === 'cb-0000';
    await here.until('the Event', async () => (await eventsOf(here)).some(isOfIt));
    await here.until('the count', async () => (await metric(hook, 'reschedule_hook_withdrawn_marks_total')) === 1);
    await here.cordon(here.node(1));
    const { message } = await evictUntil(here, 'cb-0000', MARKED);
    assert.doesNotMatch(message, /times/, 'it was not taken away');
    assert.deepEqual(here.moves, []);
  });
});
