import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { HOOK_ENTRY } from '../../../testkit/hook-process.ts';
import { runScript } from '../support/install-script.ts';
import { keepEvicting } from '../support/keep-evicting.ts';
import { CONFIG, rendered, SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { startProcessNodes } from '../support/process-nodes.ts';
import { type Reference, startReference } from '../support/reference.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';

const MEMBERS = ['cb-0000', 'cb-0001'];

let rig: Rig;
let reference: Reference;
let files: { readonly ours: string; readonly theirs: string };

before(async () => {
  rig = await startRig();
  const { dir } = rig.controlPlane;
  const nodes = await startProcessNodes(rig, { hook: { entry: HOOK_ENTRY } });
  reference = await startReference(rig);
  files = { ours: join(dir, 'ours.json'), theirs: join(dir, 'theirs.json') };
  const own = await rendered(rig.controlPlane, join(CONFIG, 'default'));
  await writeFile(files.ours, listOf(await nodes.fit(own, 'hook', { SHUTDOWN_DELAY: '8s' })));
  await writeFile(files.theirs, listOf(reference.objects));
});

after(() => rig?.stop());

const listOf = (items: readonly object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await rig.controlPlane.kubectl(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function script(name: string): Promise<void> {
  const { code, stderr } = await runScript(rig.controlPlane, name, [files.ours], { ROLLOUT_TIMEOUT: '240s' });
  assert.equal(code, 0, stderr);
}

const theirRights = () =>
  kubectl('get', 'clusterrole/reschedule-hook-cr', 'clusterrolebinding/reschedule-hook-crb', '-o', 'json');

/** The mark is the reference's or ours; whoever is asked, the drainer is to wait. */
const waits = ({ code, message }: { code: number; message: string }) =>
  code === 429 && /Pod waiting to be rescheduled|annotation added/.test(message);

test('from the reference, in the middle of a drain: no eviction fails, each pod is moved once, both keep their rights', async (t) => {
  await kubectl('apply', '-f', files.theirs);
  await using scene = await aScene({ rig, hook: 'any', namespace: 'there' });
  await scene.operator.pause();
  const drained = scene.drain(scene.node(1));
  await Promise.all(MEMBERS.map((name) => scene.untilMarked(name)));
  assert.deepEqual(Object.values(await scene.entries()), ['true', 'true'], 'as the reference writes them');
  const evicting = keepEvicting(rig, 'there', MEMBERS, { everyMs: 50 });
  await evicting.untilMore(20);
  const before = await theirRights();

  await script('install.sh');
  await evicting.untilMore(20);
  assert.equal(await theirRights(), before, 'ours has taken nothing of its');
  await kubectl('delete', 'validatingwebhookconfiguration', reference.registration);
  await evicting.untilMore(20);
  await kubectl('delete', '--ignore-not-found', '-f', files.theirs);
  await evicting.untilMore(100);
  await evicting.stop();
  t.diagnostic(`${evicting.answers.length} evictions`);
  assert.deepEqual(
    evicting.answers.filter((answer) => !waits(answer)),
    [],
  );
  scene.operator.resume();
  const { code, stderr } = await drained;
  assert.equal(code, 0, stderr);
  assert.deepEqual(scene.moves, MEMBERS, 'what the reference has remembered holds');
  await scene.assertNobodyEvicted();
});

test('back to the reference in the middle of a drain: nobody is evicted, and pods that ours has marked are moved once more', async () => {
  await using scene = await aScene({ rig, hook: 'any', namespace: 'back' });
  await scene.operator.pause();
  const drained = scene.drain(scene.node(1));
  await Promise.all(MEMBERS.map((name) => scene.untilMarked(name)));
  const evicting = keepEvicting(rig, 'back', MEMBERS, { everyMs: 50 });
  await evicting.untilMore(20);
  // The ServiceAccount is another one now; its server asks with the token of the first.
  reference = await startReference(rig);
  await writeFile(files.theirs, listOf(reference.objects));
  await kubectl('apply', '--server-side', '-f', files.theirs);
  await evicting.untilMore(20);
  await script('uninstall.sh');
  await evicting.untilMore(20);
  await evicting.stop();
  assert.deepEqual(
    evicting.answers.filter((answer) => !waits(answer)),
    [],
  );
  scene.operator.resume();
  const { code, stderr } = await drained;
  assert.equal(code, 0, stderr);
  // It does not read our entries. A pod is spared the second move if kubectl asks while no pod has that name.
  assert.deepEqual([...new Set(scene.moves)], MEMBERS);
  assert.ok([3, 4].includes(scene.moves.length), String(scene.moves));
  await scene.assertNobodyEvicted();
  assert.equal(await kubectl('get', 'namespace', SYSTEM_NAMESPACE, '--ignore-not-found'), '');
});
