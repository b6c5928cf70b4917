import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { HOOK_ENTRY } from '../../../testkit/hook-process.ts';
import { listPods } from '../../../testkit/pods.ts';
import { untilTrue } from '../../support/until-true.ts';
import { type EvictionAnswer, evict } from '../support/evict.ts';
import { runScript } from '../support/install-script.ts';
import { keepEvicting } from '../support/keep-evicting.ts';
import { CONFIG, type Manifest } from '../support/manifests.ts';
import { type ProcessNodes, startProcessNodes } from '../support/process-nodes.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';

const BIN = join(CONFIG, '../bin/reschedule-hook.js');
/** Longer than the Service takes to forget a replica, and shorter than in the manifest. */
const SHUTDOWN = { SHUTDOWN_DELAY: '8s' };
const ROLLOUT_TIMEOUT = '240s';

let rig: Rig;
let nodes: ProcessNodes;

before(async () => {
  rig = await startRig();
  nodes = await startProcessNodes(rig, { hook: { entry: HOOK_ENTRY } });
  await createPod(rig.client, { namespace: 'default', name: 'other' });
  await waitForPod(rig.client, { namespace: 'default', name: 'other' });
});

after(() => rig?.stop());

/** What npm run manifests renders for that namespace, as it can be run here, in a file. */
async function manifestsFor(namespace: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { assets, dir } = rig.controlPlane;
  const path = { PATH: `${dirname(assets.kubectl)}:${process.env.PATH}` };
  const { stdout } = await promisify(execFile)(process.execPath, [BIN, 'manifests', '--namespace', namespace, '-'], {
    env: path,
  });
  const all = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  const items = await nodes.fit(all, 'hook', { ...SHUTDOWN, ...env });
  const file = join(dir, `${namespace}.json`);
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  return file;
}

const script = (name: string, file: string, namespace: string) =>
  runScript(rig.controlPlane, name, [file], { NAMESPACE: namespace, ROLLOUT_TIMEOUT });

async function run(name: string, file: string, namespace: string): Promise<void> {
  const { code, stderr } = await script(name, file, namespace);
  assert.equal(code, 0, stderr);
}

async function aPod(namespace: string, name: string, app: string): Promise<void> {
  await createPod(rig.client, { namespace, name, labels: { app } });
  await waitForPod(rig.client, { namespace, name });
}

/** Everything cluster-scoped that the hook's installations have, with its version. */
async function clusterScoped(): Promise<string[]> {
  const kinds = 'validatingwebhookconfigurations,clusterroles,clusterrolebindings,flowschemas,namespaces';
  const columns = 'custom-columns=:kind,:metadata.name,:metadata.resourceVersion';
  const { stdout } = await rig.controlPlane.kubectl(['get', kinds, '-o', columns, '--no-headers']);
  return stdout.split('\n').filter((line) => /hook/.test(line));
}

function status(kubeconfig: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const all = [HOOK_ENTRY, 'status', '--kubeconfig', kubeconfig, ...args];
    // It ends by itself, and not when its connections are idle for long.
    execFile(process.execPath, all, { env: { ...env }, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const failed = (answers: readonly EvictionAnswer[], code: number) => answers.filter((one) => one.code !== code);

describe('two installations side by side', () => {
  let files: readonly [string, string];

  before(async () => {
    files = [
      await manifestsFor('hook-a', { POD_LABEL_SELECTOR: 'app=a' }),
      await manifestsFor('hook-b', { POD_LABEL_SELECTOR: 'app=b' }),
    ];
    await run('install.sh', files[0], 'hook-a');
    await run('install.sh', files[1], 'hook-b');
    await aPod('default', 'a', 'a');
    await aPod('default', 'b', 'b');
  });

  test('each answers for its own pods, and for no other', async () => {
    for (const one of ['a', 'b']) {
      const { code, message } = await evict({ rig, namespace: 'default' }, one);
      assert.equal(code, 429);
      assert.match(message, new RegExp(`"reschedule-hook-server\\.hook-${one}\\.svc" denied the request: Resch`));
    }
    assert.equal((await evict({ rig, namespace: 'default' }, 'other', { dryRun: true })).code, 201);
    const marked = await listPods(rig.client, 'default');
    assert.equal(marked.filter(({ annotations }) => annotations['cao.couchbase.com/reschedule'] === 'true').length, 2);
  });

  test('status asks which, waits for the registration, and needs no more rights for it than the hook has', async () => {
    const { kubeconfigPath, dir } = rig.controlPlane;
    const several = await status(kubeconfigPath);
    assert.equal(several.code, 2);
    assert.match(
      several.stderr,
      /several hooks are installed: choose one .*reschedule-hook\.hook-a, reschedule-hook\.hook-b/,
    );
    assert.equal((await status(kubeconfigPath, ['--wait-registered'])).code, 2);
    assert.equal((await status(kubeconfigPath, ['--installation', 'reschedule-hook.hook-b'])).code, 0);
    const missing = await status(kubeconfigPath, ['--wait-registered', '--timeout', '1s', '--installation', 'nothing']);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /not registered after 1s: there is no registration nothing/);

    // As by exec in a replica.
    const file = (await readdir(dir)).find((name) => /^hook-a\..*\.kubeconfig$/.test(name)) ?? '';
    const own = { WEBHOOK_CONFIGURATION: 'reschedule-hook.hook-a' };
    const { code, stdout, stderr } = await status(join(dir, file), ['--wait-registered'], own);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.equal(stdout, 'registered: the API server asks the hook of reschedule-hook.hook-a about evictions\n');
  });

  test('objects of the other, or of nobody: install and uninstall refuse before they change anything', async () => {
    // As from an overlay of somebody's own that gives all of it the names of hook-a.
    const wrong = await manifestsFor('hook-c');
    const { items } = JSON.parse(await readFile(wrong, 'utf-8'));
    const renamed = (items as Manifest[]).map((one) => {
      const { name, namespace } = one.metadata;
      return namespace === undefined
        ? { ...one, metadata: { ...one.metadata, name: name.replace('.hook-c', '.hook-a') } }
        : one;
    });
    await writeFile(wrong, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: renamed }));
    const before = await clusterScoped();
    for (const name of ['install.sh', 'uninstall.sh']) {
      const { code, stderr } = await script(name, wrong, 'hook-c');
      assert.equal(code, 1);
      assert.match(stderr, /nothing was changed/);
      assert.match(
        stderr,
        /^ValidatingWebhookConfiguration\/reschedule-hook\.hook-a, of the installation in namespace hook-a$/m,
      );
      assert.match(stderr, /^ClusterRoleBinding\/reschedule-hook\.hook-a, of the installation in namespace hook-a$/m);
      assert.match(stderr, /^FlowSchema\/reschedule-hook\.hook-a, of the installation in namespace hook-a$/m);
    }
    assert.deepEqual(await clusterScoped(), before);

    const args = ['create', 'clusterrole', 'reschedule-hook.hook-d', '--verb=get', '--resource=pods'];
    await rig.controlPlane.kubectl(args);
    const { code, stderr } = await script('install.sh', await manifestsFor('hook-d'), 'hook-d');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^ClusterRole\/reschedule-hook\.hook-d, which has no label app\.kubernetes\.io\/name=reschedule-hook$/m,
    );
    assert.ok(!(await clusterScoped()).some((line) => /^Namespace +hook-d/.test(line)));
  });

  test('to uninstall one fails no eviction, and leaves the other', async (t) => {
    const theirs = keepEvicting(rig, 'default', ['a'], { everyMs: 50 });
    const others = keepEvicting(rig, 'default', ['other'], { everyMs: 50, dryRun: true });
    await Promise.all([theirs.untilMore(20), others.untilMore(20)]);
    await run('uninstall.sh', files[1], 'hook-b');
    await Promise.all([theirs.untilMore(20), others.untilMore(20)]);
    await Promise.all([theirs.stop(), others.stop()]);
    t.diagnostic(`${theirs.answers.length + others.answers.length} evictions`);
    assert.deepEqual(failed(theirs.answers, 429), []);
    assert.deepEqual(failed(others.answers, 201), []);
    assert.deepEqual(
      (await clusterScoped()).filter((line) => /hook-b/.test(line)),
      [],
    );
    assert.equal((await evict({ rig, namespace: 'default' }, 'b')).code, 201, 'nobody is asked about it any more');
    await run('uninstall.sh', files[0], 'hook-a');
  });
});

test('to another namespace, in the middle of a drain: no eviction fails, each pod is moved once', async (t) => {
  const from = await manifestsFor('hook-from');
  const to = await manifestsFor('hook-to');
  await run('install.sh', from, 'hook-from');
  await using scene = await aScene({ rig, hook: 'any', namespace: 'db' });
  await scene.operator.pause();
  const drained = scene.drain(scene.node(1));
  await Promise.all(['cb-0000', 'cb-0001'].map((name) => scene.untilMarked(name)));
  const members = keepEvicting(rig, 'db', ['cb-0000', 'cb-0001'], { everyMs: 50 });
  const others = keepEvicting(rig, 'default', ['other'], { everyMs: 50, dryRun: true });
  await Promise.all([members.untilMore(20), others.untilMore(20)]);
  await run('install.sh', to, 'hook-to');
  await Promise.all([members.untilMore(20), others.untilMore(20)]);
  await run('uninstall.sh', from, 'hook-from');
  await Promise.all([members.untilMore(20), others.untilMore(20)]);
  await Promise.all([members.stop(), others.stop()]);
  t.diagnostic(`${members.answers.length + others.answers.length} evictions`);
  assert.deepEqual(failed(members.answers, 429), []);
  assert.deepEqual(failed(others.answers, 201), []);
  scene.operator.resume();
  const { code, stderr } = await drained;
  assert.equal(code, 0, stderr);
  assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001'], 'the entries of the installation before are taken over');
  await scene.assertNobodyEvicted();
  await run('uninstall.sh', to, 'hook-to');
});

test('while a node is dead an upgrade ends, and what cannot end says what is true', async () => {
  const namespace = 'hook-dead';
  const [dead = '', left = ''] = await nodesOf(namespace, await manifestsFor(namespace));
  await nodes.kill(dead);
  await untilTrue('the node to be dead', async () => {
    const { stdout } = await rig.controlPlane.kubectl(['get', 'node', dead, '--no-headers']);
    return stdout.includes('NotReady');
  });
  await run('install.sh', await manifestsFor(namespace, { LOG_LEVEL: 'warn' }), namespace);
  await aPod('default', 'protected', 'couchbase');
  assert.equal((await evict({ rig, namespace: 'default' }, 'protected')).code, 429);

  await rig.controlPlane.kubectl(['cordon', left]);
  const file = await manifestsFor(namespace, { LOG_LEVEL: 'error' });
  const env = { NAMESPACE: namespace, ROLLOUT_TIMEOUT: '5s' };
  const { code, stderr } = await runScript(rig.controlPlane, 'install.sh', [file], env);
  assert.equal(code, 1);
  assert.match(stderr, / Pending /, 'the pods are shown');
  assert.match(stderr, /^install: not every new replica came up .*; the API server asks those that are ready$/m);
  assert.equal((await evict({ rig, namespace: 'default' }, 'protected')).code, 429, 'as it says');
});

/** Installs, and gives the two nodes on which the replicas are. */
async function nodesOf(namespace: string, file: string): Promise<string[]> {
  await run('install.sh', file, namespace);
  const pods = (await listPods(rig.client, namespace)).filter(({ terminating }) => !terminating);
  return pods.map(({ node = '' }) => node);
}
