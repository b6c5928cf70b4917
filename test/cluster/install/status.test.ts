import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { REGISTRATIONS } from '../../../src/kube/paths.ts';
import type { StatusReport } from '../../../src/status/report.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { createNamespace } from '../../../testkit/couchbase/workload.ts';
import { HOOK_ENTRY } from '../../../testkit/hook-process.ts';
import { requestToken } from '../support/manifests.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

let rig: Rig;
let scene: Scene;
let reader: string;

/** The rig has no Deployment: the flags say all. */
const TOLD = ['--selector', 'app=couchbase'];

/** Runs status with nothing in its environment. */
function start(args: readonly string[], kubeconfigPath: string): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [HOOK_ENTRY, 'status', '--kubeconfig', kubeconfigPath, ...args], { env: {} });
  rig.atStop(async () => void child.kill('SIGKILL'));
  return child;
}

async function status(args: readonly string[], kubeconfigPath = reader) {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const child = start(args, kubeconfigPath).on('close', resolve);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await promise, stdout, stderr };
}

async function kubectl(...args: string[]): Promise<void> {
  const { code, stderr } = await rig.controlPlane.kubectl(args);
  assert.equal(code, 0, stderr);
}

before(async () => {
  rig = await startRig();
  await rig.hook('default', { TRACKING_RETENTION: '10m' });
  scene = await aScene({ rig, hook: 'default', namespace: 'shown' });
  const { server, caData, dir } = rig.controlPlane;
  await kubectl('create', 'serviceaccount', 'reader', '--namespace=default');
  await kubectl('create', 'clusterrole', 'reader', '--verb=list,watch', '--resource=pods,nodes');
  await kubectl('create', 'clusterrolebinding', 'reader', '--clusterrole=reader', '--serviceaccount=default:reader');
  reader = join(dir, 'reader.kubeconfig');
  await writeFile(reader, kubeconfig(server, caData, await requestToken(rig.client, 'default', 'reader')));
});

after(() => rig?.stop());

describe('reschedule-hook status, during a drain on the real control plane', () => {
  test('names the permission that is missing', async () => {
    const unknown = await status([]);
    assert.deepEqual([unknown.code, unknown.stdout], [2, '']);
    assert.match(unknown.stderr, /validatingwebhookconfigurations.*say which pods it protects/);
    const { code, stdout, stderr } = await status(TOLD);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^reschedule-hook: missing permission: list and watch couchbaseclusters \(/);
    const without = await status([...TOLD, '--tracking', 'off']);
    assert.equal(without.code, 0, without.stderr);
    assert.match(without.stdout, /No pod is marked\./);
    await kubectl(
      'create',
      'clusterrole',
      'reader-2',
      '--verb=list,watch',
      '--resource=couchbaseclusters.couchbase.com',
    );
    await kubectl(
      'create',
      'clusterrolebinding',
      'reader-2',
      '--clusterrole=reader-2',
      '--serviceaccount=default:reader',
    );
    await scene.until('the new right to count', async () => (await status(TOLD)).code === 0);
  });

  test('shows what waits, follows it with --watch, and shows what has moved', async () => {
    await scene.operator.pause();
    const drained = scene.drain(scene.node(1));
    await Promise.all([scene.untilMarked('cb-0000'), scene.untilMarked('cb-0001')]);
    const uids = (await scene.pods()).map(({ uid }) => uid);

    const json = await status([...TOLD, '-o', 'json', '-n', 'shown']);
    assert.equal(json.code, 0, json.stderr);
    const report = JSON.parse(json.stdout) as StatusReport;
    const [node] = report.nodes.filter(({ name }) => name === 'shown-1');
    assert.deepEqual([node?.cause, node?.pods, node?.marked, node?.known, node?.moved], ['cordoned', 2, 2, 2, 0]);
    assert.deepEqual(
      report.pods.map(({ name, uid, state, markedBy }) => [name, uid, state, markedBy]),
      ['cb-0000', 'cb-0001'].map((name, i) => [name, uids[i], 'waiting', 'reschedule-hook']),
    );
    assert.deepEqual(
      report.entries.map(({ tracker, pod, uid, from, state }) => [tracker, pod, uid, from, state]),
      ['cb-0000', 'cb-0001'].map((pod, i) => ['couchbasecluster/shown/cb', pod, uids[i], 'shown-1', 'waiting']),
    );
    const table = await status(TOLD);
    assert.match(table.stdout, /^Hook reschedule-hook: settings and profiles read from the flags and the environment/);
    assert.match(table.stdout, /^shown-1 +cordoned +2 +2 +\S+ +0 of 2 moved, 2 waiting$/m);
    assert.ok(table.stdout.split('\n').every(({ length }) => length <= 100));
    assert.match(table.stdout, /^shown +cb-0000 +couchbase +shown-1 +waiting +\S+ +reschedule-hook +\S+$/m);

    const watch = start([...TOLD, '--watch', '-n', 'shown'], reader);
    const seen: string[] = [];
    watch.stdout.on('data', (chunk) => seen.push(String(chunk)));
    const ended = new Promise<number | null>((resolve) => watch.on('close', resolve));
    await scene.until('the first tables', () => seen.join('').includes('Tracking entries'));
    scene.operator.resume();
    const { code, stderr } = await drained;
    assert.equal(code, 0, stderr);
    const told = (line: RegExp) => scene.until(`a line like ${line}`, () => line.test(seen.join('')));
    await told(/^\S+Z pod shown\/cb-0000 \S+: no more$/m);
    await told(/^\S+Z node shown-1: draining \(cordoned\), 0 pods left, 0 of them marked; 2 of 2 moved$/m);
    for (const pod of ['cb-0000', 'cb-0001'])
      await told(new RegExp(`^\\S+Z entry shown/${pod} on couchbasecluster/shown/cb: rescheduled; waits for`, 'm'));
    watch.kill('SIGINT');
    assert.equal(await ended, 0);

    const after = JSON.parse((await status([...TOLD, '-o', 'json', '-n', 'shown'])).stdout) as StatusReport;
    assert.deepEqual(after.pods, []);
    assert.deepEqual(
      after.entries.map(({ pod, state, prunedAfterSeconds }) => [pod, state, prunedAfterSeconds]),
      ['cb-0000', 'cb-0001'].map((pod) => [pod, 'rescheduled', 900]),
    );
    await scene.assertNobodyEvicted();
  });

  test('reads the settings of the Deployment that answers, and says why a pod has no mark', async () => {
    const namespace = 'answers';
    await createNamespace(rig.client, namespace);
    const labels = { 'app.kubernetes.io/name': 'reschedule-hook' };
    const env = [
      { name: 'POD_LABEL_SELECTOR', value: 'app=couchbase' },
      { name: 'POLICY_ANNOTATIONS', value: 'true' },
    ];
    const template = { metadata: { labels }, spec: { containers: [{ name: 'hook', image: 'hook', env }] } };
    await rig.client.json({
      method: 'POST',
      path: `/apis/apps/v1/namespaces/${namespace}/deployments`,
      body: { metadata: { name: 'hook' }, spec: { replicas: 0, selector: { matchLabels: labels }, template } },
    });
    const metadata = { name: 'answering', labels: { ...labels, 'reschedule.hook/namespace': namespace } };
    await rig.client.json({ method: 'POST', path: REGISTRATIONS, body: { metadata } });

    await kubectl('annotate', 'namespace', 'shown', 'reschedule.hook/policy=hold');
    await kubectl('cordon', 'shown-2');
    const { kubeconfigPath } = rig.controlPlane;
    const { code, stdout, stderr } = await status(
      ['-o', 'json', '-n', 'shown', '--installation', 'answering'],
      kubeconfigPath,
    );
    assert.equal(code, 0, stderr);
    const { settingsFrom, installation, unmarked } = JSON.parse(stdout) as StatusReport;
    assert.deepEqual([settingsFrom, installation], [`Deployment ${namespace}/hook`, 'answering']);
    assert.ok(unmarked.length > 0);
    for (const { node, reason, why } of unmarked) {
      assert.deepEqual([node, reason], ['shown-2', 'Held']);
      assert.match(why, /reschedule\.hook\/policy on Namespace shown says hold/);
    }
  });

  test('says so where nobody answers', async () => {
    const nobody = join(rig.controlPlane.dir, 'nobody.kubeconfig');
    await writeFile(nobody, kubeconfig('https://127.0.0.1:1', rig.controlPlane.caData, 'x'));
    const { code, stderr } = await status(TOLD, nobody);
    assert.equal(code, 2);
    assert.match(stderr, /cannot be read: .*ECONNREFUSED/);
  });
});
