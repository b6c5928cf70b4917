import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import type { StatusReport } from '../../../src/status/report.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { HOOK_ENTRY } from '../../../testkit/hook-process.ts';
import { requestToken } from '../support/manifests.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

let rig: Rig;
let scene: Scene;
let reader: string;

/** Runs status with nothing in its environment: the flags say all. */
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
    const { code, stdout, stderr } = await status([]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^reschedule-hook: missing permission: list and watch couchbaseclusters \(/);
    const without = await status(['--tracking', 'off']);
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
    await scene.until('the new right to count', async () => (await status([])).code === 0);
  });

  test('shows what waits, follows it with --watch, and shows what has moved', async () => {
    await scene.operator.pause();
    const drained = scene.drain(scene.node(1));
    await Promise.all([scene.untilMarked('cb-0000'), scene.untilMarked('cb-0001')]);
    const uids = (await scene.pods()).map(({ uid }) => uid);

    const json = await status(['-o', 'json', '-n', 'shown']);
    assert.equal(json.code, 0, json.stderr);
    const report = JSON.parse(json.stdout) as StatusReport;
    const node = { name: 'shown-1', cause: 'cordoned', pods: 2, marked: 2 };
    assert.deepEqual(
      report.nodes.find(({ name }) => name === node.name),
      node,
    );
    assert.deepEqual(
      report.pods.map(({ name, uid, state, markedBy }) => [name, uid, state, markedBy]),
      ['cb-0000', 'cb-0001'].map((name, i) => [name, uids[i], 'waiting', 'reschedule-hook']),
    );
    assert.deepEqual(
      report.entries.map(({ tracker, pod, uid, from, state }) => [tracker, pod, uid, from, state]),
      ['cb-0000', 'cb-0001'].map((pod, i) => ['couchbasecluster/shown/cb', pod, uids[i], 'shown-1', 'waiting']),
    );
    const table = await status([]);
    assert.match(table.stdout, /^shown +cb-0000 +couchbase +shown-1 +waiting +\S+ +reschedule-hook +\S+$/m);

    const watch = start(['--watch', '-n', 'shown'], reader);
    const seen: string[] = [];
    watch.stdout.on('data', (chunk) => seen.push(String(chunk)));
    const ended = new Promise<number | null>((resolve) => watch.on('close', resolve));
    await scene.until('the first tables', () => seen.join('').includes('Tracking entries'));
    scene.operator.resume();
    const { code, stderr } = await drained;
    assert.equal(code, 0, stderr);
    const told = (line: RegExp) => scene.until(`a line like ${line}`, () => line.test(seen.join('')));
    await told(/^\S+Z pod shown\/cb-0000 \S+: no more$/m);
    await told(/^\S+Z node shown-1: draining \(cordoned\), 0 pods left, 0 of them marked$/m);
    for (const pod of ['cb-0000', 'cb-0001'])
      await told(new RegExp(`^\\S+Z entry shown/${pod} on couchbasecluster/shown/cb: rescheduled; waits for`, 'm'));
    watch.kill('SIGINT');
    assert.equal(await ended, 0);

    const after = JSON.parse((await status(['-o', 'json', '-n', 'shown'])).stdout) as StatusReport;
    assert.deepEqual(after.pods, []);
    assert.deepEqual(
      after.entries.map(({ pod, state, prunedAfterSeconds }) => [pod, state, prunedAfterSeconds]),
      ['cb-0000', 'cb-0001'].map((pod) => [pod, 'rescheduled', 900]),
    );
    await scene.assertNobodyEvicted();
  });

  test('says so where nobody answers', async () => {
    const nobody = join(rig.controlPlane.dir, 'nobody.kubeconfig');
    await writeFile(nobody, kubeconfig('https://127.0.0.1:1', rig.controlPlane.caData, 'x'));
    const { code, stderr } = await status([], nobody);
    assert.equal(code, 2);
    assert.match(stderr, /cannot be read: .*ECONNREFUSED/);
  });
});
