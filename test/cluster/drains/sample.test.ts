import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { CONFIG } from '../support/manifests.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';

const SCRIPT = join(CONFIG, '../scripts/drain-sample.sh');

let rig: Rig;

before(async () => {
  rig = await startRig({ controlPlane: { nodes: 3 } });
});

after(() => rig?.stop());

async function kubectl(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await rig.controlPlane.kubectl(args);
  assert.equal(code, 0, stderr);
}

async function bystanders(): Promise<string> {
  const { stdout } = await rig.controlPlane.kubectl(['get', 'pods', '--selector=app=other', '--output=name']);
  return stdout;
}

async function drainSample(): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { assets, kubeconfigPath, dir } = rig.controlPlane;
  const path = [dirname(assets.kubectl), process.env.PATH].join(delimiter);
  const env = { PATH: path, KUBECONFIG: kubeconfigPath, HOME: dir, KUBECACHEDIR: join(dir, 'kubectl-cache') };
  const child = spawn('bash', [SCRIPT, '300'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  rig.atStop(async () => void child.kill('SIGKILL'));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

test('scripts/drain-sample.sh: unsafe without the hook, safe with it', async () => {
  await kubectl('apply', '-k', join(CONFIG, 'samples'));
  // No controller would bring them back: kubectl refuses to drain a node that has one, if it is to be evicted.
  for (const n of [1, 2, 3]) {
    const where = JSON.stringify({ spec: { nodeName: `node-${n}` } });
    await kubectl('run', `bystander-${n}`, '--image=x', '--labels=app=other', `--overrides=${where}`);
  }
  const without = await drainSample();
  assert.equal(without.code, 1, without.stdout);
  assert.match(without.stderr, /was taken away without being marked/);

  await rig.hook('sample', { TRACKING_RESOURCE_TYPE: 'namespace' });
  await kubectl('label', 'namespace', 'reschedule-hook-sample', `${HOOK_LABEL}=sample`);
  const { code, stdout, stderr } = await drainSample();
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /drain-sample: safe; each pod of node-\d was moved once/);
  assert.match(stderr, /Reschedule annotation added to pod/);
  assert.equal(await bystanders(), 'pod/bystander-1\npod/bystander-2\npod/bystander-3\n', 'nobody else is evicted');
});
