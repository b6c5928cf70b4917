import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../../../src/kube/client.ts';
import { LOG } from '../../../src/log/messages.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { installClusterDefinition, removeClusterDefinition } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { untilTrue } from '../../support/until-true.ts';
import { type Audit, anAudit } from '../support/audit.ts';
import { type Installation, install } from '../support/installation.ts';
import { requestToken, SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';
import { said } from '../support/told.ts';

const BIN = fileURLToPath(new URL('../../../bin/reschedule-hook.js', import.meta.url));
const NODES = ['--node=node-1', '--node=node-2'];

let rig: Rig;
let audit: Audit;
let installation: Installation;
let replica: HookProcess;
let context: string;
let tmp: string;

before(async () => {
  tmp = await mkdtemp(join(tmpdir(), 'rehearse-any-'));
  audit = anAudit('observer');
  rig = await startRig({ installCrd: false, controlPlane: { nodes: 3, apiServerArgs: audit.apiServerArgs } });
  installation = await install(rig);
  replica = await installation.startReplica();
  await installation.untilAsked();
  const { stdout } = await rig.controlPlane.kubectl(['config', 'current-context']);
  context = stdout.trim();
});

after(async () => {
  await rig?.stop();
  audit?.remove();
  await rm(tmp, { recursive: true, force: true });
});

/** Other namespaces: a replica with that setting in the place of the one before, and a Deployment that says so. */
async function rollTo(scope: string): Promise<void> {
  const deployment = ['deployment/reschedule-hook-server', `--namespace=${SYSTEM_NAMESPACE}`];
  const { code, stderr } = await rig.controlPlane.kubectl(['set', 'env', ...deployment, `PROTECT_NAMESPACES=${scope}`]);
  assert.equal(code, 0, stderr);
  const next = await installation.startReplica({ PROTECT_NAMESPACES: scope });
  await installation.service.untilReady(next.webhookPort);
  await installation.endReplica(replica);
  replica = next;
  await untilTrue('the registration to be as it wants it', () => said([next], LOG.registrationFilled).length > 0);
}

interface Started {
  readonly child: ChildProcess;
  /** What standard output has said so far. */
  said(): string;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** `npm run rehearse` as an administrator runs it, with a kubectl in the PATH and a kubeconfig. */
function start(args: readonly string[], env: Record<string, string> = {}): Started {
  const { kubectl } = rig.controlPlane.assets;
  const PATH = [dirname(process.execPath), dirname(kubectl)].join(delimiter);
  const { NODE_COMPILE_CACHE } = process.env;
  const child = spawn(
    process.execPath,
    [BIN, 'rehearse', `--context=${context}`, '--period=500ms', '--verbose', ...args],
    {
      env: { PATH, NODE_COMPILE_CACHE, TMPDIR: tmp, HOME: tmp, KUBECONFIG: rig.controlPlane.kubeconfigPath, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const ended = Promise.all([code, text(child.stderr)]).then(([code, stderr]) => ({ code, stdout: said, stderr }));
  return { child, said: () => said, ended };
}

async function names(path: string): Promise<string[]> {
  const { items } = await rig.client.json({ method: 'GET', path });
  return (items as readonly { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
}

async function cordons(): Promise<string[]> {
  const { items } = await rig.client.json({ method: 'GET', path: '/api/v1/nodes' });
  const nodes = items as readonly (JsonObject & { metadata: { name: string }; spec: { unschedulable?: boolean } })[];
  return nodes.flatMap(({ metadata, spec }) => (spec.unschedulable ? [metadata.name] : []));
}

async function assertNothingLeft(): Promise<void> {
  assert.deepEqual(await cordons(), []);
  const namespaces = await names('/api/v1/namespaces');
  assert.deepEqual(
    namespaces.filter((name) => name.includes('rehearsal')),
    [],
  );
  assert.deepEqual(await names('/apis/apiextensions.k8s.io/v1/customresourcedefinitions'), []);
  assert.deepEqual(
    (await readdir(tmp)).filter((name) => name.startsWith('reschedule-hook')),
    [],
  );
}

describe('npm run rehearse on a cluster that exists', () => {
  test('rehearses with the installed hook on the named nodes, moves nobody else, and leaves nothing', async () => {
    await rig.client.json({ method: 'POST', path: '/apis/apps/v1/namespaces/default/deployments', body: BYSTANDER });
    const bystanders = () => names('/api/v1/namespaces/default/pods');
    await until('the bystanders', async () => {
      if ((await bystanders()).length !== 3) throw new NotYet('not all of them');
    });
    const before = (await bystanders()).sort();
    const { code, stdout, stderr } = await start([...NODES, '--yes']).ended;
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /create the namespace reschedule-hook-rehearsal-\w+ and the definition couchbaseclusters/);
    assert.match(stdout, /drain of node-[12]: +safe/);
    assert.match(stdout, /hook +Pod marked for rescheduling +cb-/);
    assert.match(stdout, /moves per pod: +cb-000\d 1x/);
    assert.match(stdout, /evictions refused: +[1-9]/);
    assert.doesNotMatch(stdout, /cluster +scheduled +\S+ +node-3/);
    assert.deepEqual((await bystanders()).sort(), before);
    await assertNothingLeft();
  });

  describe('where the hook is asked about fewer namespaces', () => {
    after(() => rollTo('all'));

    for (const [what, scope, created] of [
      ['only namespaces with protected pods', 'used', /create the namespace reschedule-hook-rehearsal-\w+ and/],
      [
        'only labelled namespaces',
        'reschedule.hook/protect=true',
        /create the namespace reschedule-hook-rehearsal-\w+ \(reschedule\.hook\/protect=true\) and/,
      ],
    ] as const) {
      test(`a hook that is asked about ${what} is rehearsed in one of its own`, async () => {
        await rollTo(scope);
        const { code, stdout, stderr } = await start([...NODES, '--yes']).ended;
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, created);
        assert.match(stdout, /moves per pod: +cb-000\d 1x/);
        assert.match(stdout, /evictions refused: +[1-9]/);
        await assertNothingLeft();
      });
    }
  });

  test('an interrupt in the middle of the drain takes everything back', async () => {
    const run = start([...NODES, '--yes', '--period=5s']);
    await untilSaid(run, /Pod marked for rescheduling/);
    assert.equal((await cordons()).length, 1);
    run.child.kill('SIGINT');
    const { code, stderr, stdout } = await run.ended;
    assert.equal(code, 130, stdout + stderr);
    assert.equal(stderr, 'reschedule-hook: interrupted\n');
    await assertNothingLeft();
  });

  test('what cannot be rehearsed is one line and exit code 2, and nothing is touched', async () => {
    const refused = async (args: readonly string[], line: RegExp, env = {}) => {
      const { code, stderr } = await start(args, env).ended;
      assert.match(stderr, line);
      assert.equal(stderr.trim().split('\n').length, 1);
      assert.equal(code, 2);
    };
    await refused(NODES, /nobody can be asked here: --yes/);
    await refused(['--node=node-1', '--node=node-9', '--yes'], /there is no node node-9/);
    await refused([...NODES, '--yes', '--context=other'], /the kubeconfig has no context "other"/);
    await refused([...NODES, '--yes', '--kubeconfig=/none'], /there is no such file/);
    await refused([...NODES, '--yes'], /kubectl is not in the PATH/, { PATH: dirname(process.execPath) });
    await rig.controlPlane.kubectl(['cordon', 'node-2']);
    await refused([...NODES, '--yes'], /node node-2 is cordoned already, and is left alone/);
    assert.deepEqual(await cordons(), ['node-2']);
    await rig.controlPlane.kubectl(['uncordon', 'node-2']);
    await installClusterDefinition(rig.client);
    await refused([...NODES, '--yes'], /couchbaseclusters\.couchbase\.com is installed, and its operator would act/);
    await removeClusterDefinition(rig.client);
    await assertNothingLeft();
  });

  test('--observe judges a drain that somebody else runs, and has only read', async () => {
    await installClusterDefinition(rig.client);
    await using scene = await aScene({ rig, hook: 'installed', namespace: 'observed' });
    const observer = await anObserver();
    const run = start(['--observe', `--kubeconfig=${observer}`]);
    await untilSaid(run, /watching; drain a node/);
    const { code, stderr } = await scene.drain(scene.node(1));
    assert.equal(code, 0, stderr);
    const observed = await run.ended;
    assert.equal(observed.code, 0, observed.stdout + observed.stderr);
    assert.match(observed.stdout, new RegExp(`drain of ${scene.node(1)}: +safe`));
    assert.match(observed.stdout, /hook +Pod marked for rescheduling +cb-0000/);

    const nothing = start(['--observe', `--kubeconfig=${observer}`]);
    await untilSaid(nothing, /watching; drain a node/);
    nothing.child.kill('SIGINT');
    const judged = await nothing.ended;
    assert.match(judged.stdout, /problem: +no node with protected pods was cordoned/);
    assert.equal(judged.code, 1);

    const verbs = new Set(audit.seen().map((asked) => asked.split(' ')[0]));
    assert.deepEqual([...verbs].sort(), ['get', 'list', 'watch']);
  });
});

async function untilSaid(run: Started, wanted: RegExp): Promise<void> {
  await until('the rehearsal to say so', async () => {
    if (!wanted.test(run.said())) throw new NotYet(run.said());
  });
}

/** A kubeconfig of somebody whose every request is in the audit, and who may do everything. */
async function anObserver(): Promise<string> {
  const { controlPlane, client } = rig;
  for (const args of [
    ['create', 'namespace', 'observer'],
    ['create', 'serviceaccount', 'me', '--namespace=observer'],
    ['create', 'clusterrolebinding', 'observer', '--clusterrole=cluster-admin', '--serviceaccount=observer:me'],
  ]) {
    assert.equal((await controlPlane.kubectl(args)).code, 0);
  }
  const file = join(tmp, 'observer.kubeconfig');
  const token = await requestToken(client, 'observer', 'me');
  await writeFile(file, kubeconfig(controlPlane.server, controlPlane.caData, token));
  return file;
}

const labels = { app: 'bystander' };
/** One on each node; a drain of everything would move it. */
const BYSTANDER = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'bystander' },
  spec: {
    replicas: 3,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        containers: [{ name: 'a', image: 'a' }],
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' },
            ],
          },
        },
      },
    },
  },
};
