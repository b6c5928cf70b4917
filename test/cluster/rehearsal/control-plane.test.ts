import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findAssets } from '../../../testkit/control-plane/assets.ts';
import { type ControlPlane, startControlPlane } from '../../../testkit/control-plane/control-plane.ts';
import { isAlive } from '../../../testkit/control-plane/lock.ts';
import { listeners, processesNaming, socketsOf } from '../../../testkit/control-plane/process-table.ts';
import { untilTrue } from '../../support/until-true.ts';

const found = findAssets();
const skip = found.state === 'ready' ? false : found.why;
const upFile = join(import.meta.dirname, '../../../testkit/control-plane/up.ts');

// A folder of our own, so that whatever is left in it was left by this file; children inherit it.
const ownTmp = mkdtempSync(join(tmpdir(), 'cluster-test-'));
process.env.TMPDIR = ownTmp;
after(() => rmSync(ownTmp, { recursive: true, force: true }));

describe('control plane', { skip, timeout: 900_000 }, () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane();
  });
  after(() => plane?.stop());

  it('has Ready, untainted, labelled nodes and speaks the pinned version', async () => {
    const nodes = await getJson(plane, 'nodes');
    assert.deepEqual(plane.nodes, ['node-1', 'node-2', 'node-3']);
    for (const { metadata, spec, status } of nodes.items) {
      assert.equal(metadata.labels['kubernetes.io/hostname'], metadata.name);
      assert.equal(spec.taints, undefined);
      assert.equal(status.allocatable.pods, '500');
      assert.equal(conditionOf(status, 'Ready'), 'True');
    }
    const versions = JSON.parse(await ok(plane, 'version', '--output=json'));
    assert.match(versions.serverVersion.gitVersion, /^v1\.\d+\.\d+$/);
    assert.equal(versions.clientVersion.gitVersion, versions.serverVersion.gitVersion);
  });

  it('keeps its secrets to this user', () => {
    assert.equal(statSync(plane.dir).mode & 0o777, 0o700);
    assert.equal(statSync(plane.kubeconfigPath).mode & 0o777, 0o600);
  });

  it('listens on loopback only', { skip: !existsSync('/proc/net/tcp') }, () => {
    const sockets = Object.values(plane.pids()).flatMap(socketsOf);
    const listening = ['/proc/net/tcp', '/proc/net/tcp6']
      .flatMap((file) => listeners(file))
      .filter(({ inode }) => sockets.includes(inode));
    assert.ok(listening.length >= 2, 'etcd and the API server listen');
    // 127.0.0.1 in the byte order of /proc on the usual machines.
    for (const { address } of listening) assert.match(address, /^0100007F:/);
  });

  it('runs a plain pod under the default service account', async () => {
    await apply(plane, pod('plain'));
    await ok(plane, 'wait', 'pod/plain', '--for=condition=Ready', '--timeout=120s');
    const seen = await getJson(plane, 'pod/plain');
    assert.equal(seen.status.phase, 'Running');
    assert.equal(seen.spec.serviceAccountName, 'default');
    assert.match(seen.status.podIP, /^10\.244\./);
    assert.match(await ok(plane, 'create', 'token', 'default'), /^ey/);
  });

  it('makes Ready follow readiness gates', async () => {
    await apply(plane, pod('gated', {}, { readinessGates: [{ conditionType: 'test/gate' }] }));
    await ok(plane, 'wait', 'pod/gated', '--for=jsonpath={.status.phase}=Running', '--timeout=120s');
    await ok(plane, 'wait', 'pod/gated', '--for=condition=Ready=false', '--timeout=120s');
    await setCondition(plane, 'gated', 'test/gate', 'True');
    await ok(plane, 'wait', 'pod/gated', '--for=condition=Ready', '--timeout=120s');
    await setCondition(plane, 'gated', 'test/gate', 'False');
    await ok(plane, 'wait', 'pod/gated', '--for=condition=Ready=false', '--timeout=120s');
  });

  it('obeys the annotations for readiness, completion and termination', async () => {
    await apply(plane, pod('unready', { 'fake-kubelet/ready': 'false' }));
    await apply(plane, pod('completes', { 'fake-kubelet/completes-after': '0' }));
    await apply(plane, pod('lingers', { 'fake-kubelet/terminates-after': 'never' }));
    await ok(plane, 'wait', 'pod/completes', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=120s');
    await ok(plane, 'wait', 'pod/unready', '--for=condition=Ready=false', '--timeout=120s');
    await ok(plane, 'annotate', 'pod/unready', 'fake-kubelet/ready-');
    await ok(plane, 'wait', 'pod/unready', '--for=condition=Ready', '--timeout=120s');

    await ok(plane, 'wait', 'pod/lingers', '--for=condition=Ready', '--timeout=120s');
    await ok(plane, 'delete', 'pod/lingers', '--wait=false');
    assert.ok((await getJson(plane, 'pod/lingers')).metadata.deletionTimestamp);
    await ok(plane, 'delete', 'pod/lingers', '--grace-period=0', '--force', '--timeout=120s');
    await ok(plane, 'delete', 'pod/completes', 'pod/unready', '--timeout=120s');
  });

  it('never deletes the successor of a pod, however quickly the name is used again', async () => {
    await apply(plane, statefulSet('db', 2));
    await ok(plane, 'rollout', 'status', 'statefulset/db', '--timeout=120s');
    for (let round = 0; round < 8; round++) {
      const before = await uids(plane, 'app=db');
      // kubectl before 1.36 may wait for ever for a name that is used again before it begins to watch.
      await ok(plane, 'delete', 'pod', '--selector=app=db', '--wait=false');
      await untilTrue('two new pods', async () => {
        const now = await uids(plane, 'app=db');
        return now.length === 2 && !now.some((uid) => before.includes(uid));
      });
    }
    await ok(plane, 'rollout', 'status', 'statefulset/db', '--timeout=120s');
    // Made: two pods at first and two for each round, and none to replace one that was hit by mistake.
    const made = async () => {
      const events = await getJson(plane, 'events', '--field-selector=reason=SuccessfulCreate,involvedObject.name=db');
      return events.items.reduce((sum: number, { count }: { count?: number }) => sum + (count ?? 1), 0);
    };
    await untilTrue('the Events of all of them', async () => (await made()) >= 18);
    assert.equal(await made(), 18);
  });

  it('drains a node with the pinned kubectl', async () => {
    await apply(plane, pod('to-evict', {}, { nodeSelector: { 'kubernetes.io/hostname': 'node-2' } }));
    await ok(plane, 'wait', 'pod/to-evict', '--for=condition=Ready', '--timeout=120s');
    assert.match(await ok(plane, 'drain', 'node-2', '--force', '--timeout=120s'), /to-evict evicted/);
    assert.equal((await plane.kubectl(['get', 'pod/to-evict'])).code, 1);
    await ok(plane, 'uncordon', 'node-2');
    const isFree = async () => (await getJson(plane, 'node/node-2')).spec.taints === undefined;
    await untilTrue('the node to be without taints', isFree);
  });

  it('keeps its data and goes on when the API server is killed and started again', async () => {
    await apply(plane, pod('survivor'));
    const uid = (await getJson(plane, 'pod/survivor')).metadata.uid;
    const firstPid = plane.apiServer.pid;
    await plane.apiServer.stop();
    assert.equal(isAlive(firstPid), false);
    assert.notEqual((await plane.kubectl(['get', 'pods', '--request-timeout=2s'])).code, 0);

    await plane.apiServer.start();
    assert.notEqual(plane.apiServer.pid, firstPid);
    assert.equal((await getJson(plane, 'pod/survivor')).metadata.uid, uid);
    await apply(plane, pod('afterwards'));
    await ok(plane, 'wait', 'pod/afterwards', '--for=condition=Ready', '--timeout=120s');
  });

  it('stops without leaving a process or a file', async () => {
    const pids = Object.values(plane.pids());
    assert.equal(pids.length, 5);
    await Promise.all([plane.stop(), plane.stop()]);
    assert.deepEqual(pids.filter(isAlive), []);
    assert.equal(existsSync(plane.dir), false);
  });
});

describe('a control plane whose component dies', { skip, timeout: 600_000 }, () => {
  it('says which one, with the end of its log, and cleans up', async () => {
    await assert.rejects(startControlPlane({ apiServerArgs: ['--no-such-flag'], keepLogs: false }), (error: Error) => {
      assert.equal(error.name, 'ComponentFailed');
      assert.match(error.message, /^kube-apiserver .*ended with code 1; its log ends with\n[\s\S]*no-such-flag/);
      return true;
    });
    assert.deepEqual(clusterDirs(), []);
  });
});

describe('cluster:up', { skip, timeout: 1_500_000 }, () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL'] as const) {
    it(`leaves nothing behind after ${signal}`, async () => {
      const kubeconfig = join(ownTmp, `${signal}.kubeconfig`);
      const up = startUp('--nodes', '1', '--write-kubeconfig', kubeconfig);
      try {
        await untilTrue('the kubeconfig', () => existsSync(kubeconfig) || up.exitCode !== null);
        assert.equal(statSync(kubeconfig).mode & 0o777, 0o600);
        const [dir = '', ...others] = clusterDirs();
        assert.deepEqual(others, []);
        const running = () => processesNaming(dir);
        assert.ok(process.platform !== 'linux' || running().length >= 4);

        up.kill(signal);
        await untilTrue('its end', () => up.exitCode !== null || up.signalCode !== null);
        if (signal !== 'SIGKILL') assert.equal(up.exitCode, 0);
        // After SIGKILL the watcher needs a moment; otherwise all is gone by now.
        const isGone = () => !existsSync(dir) && !existsSync(kubeconfig);
        if (signal === 'SIGKILL') await untilTrue('all to be gone', isGone);
        assert.deepEqual(running(), []);
        assert.deepEqual(readdirSync(ownTmp), []);
      } finally {
        up.kill('SIGKILL');
        rmSync(kubeconfig, { force: true });
      }
    });
  }

  it('stops while still starting', async () => {
    const up = startUp();
    await untilTrue('its folder', () => clusterDirs().length > 0);
    up.kill('SIGTERM');
    await untilTrue('its end', () => up.exitCode !== null || up.signalCode !== null);
    assert.equal(up.exitCode, 0);
    assert.deepEqual(clusterDirs(), []);
  });
});

describe('cluster:up flags', () => {
  const wrong: [string[], RegExp][] = [
    [['--bogus'], /^cluster:up: unknown option '--bogus'; see --help\n$/],
    [['--nodes', '0'], /^cluster:up: --nodes takes a number from 1 to 100, not "0"\n$/],
    [['--write-kubeconfig', upFile], /^cluster:up: --write-kubeconfig: .* exists already; name a new file\n$/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args[0]} ${args[1] === undefined || args[1] === upFile ? '' : args[1]}`, async () => {
      const { code, stderr } = await finished(startUp(...args));
      assert.equal(code, 2);
      assert.match(stderr, message);
    });
  }
});

function startUp(...args: string[]): ChildProcess {
  return spawn(process.execPath, [upFile, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}

async function finished(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  await new Promise((resolve) => child.once('close', resolve));
  return { code: child.exitCode, stderr };
}

async function ok(plane: ControlPlane, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plane.kubectl(args);
  assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function getJson(plane: ControlPlane, ...args: string[]) {
  return JSON.parse(await ok(plane, 'get', ...args, '--output=json'));
}

async function apply(plane: ControlPlane, manifest: object): Promise<void> {
  const { code, stderr } = await plane.kubectl(['apply', '--filename=-'], { input: JSON.stringify(manifest) });
  assert.equal(code, 0, stderr);
}

function setCondition(plane: ControlPlane, name: string, type: string, status: string): Promise<string> {
  const patch = JSON.stringify({ status: { conditions: [{ type, status }] } });
  return ok(plane, 'patch', `pod/${name}`, '--subresource=status', '--type=strategic', `--patch=${patch}`);
}

async function uids(plane: ControlPlane, selector: string): Promise<string[]> {
  const { items } = await getJson(plane, 'pods', `--selector=${selector}`);
  return items.map(({ metadata }: { metadata: { uid: string } }) => metadata.uid);
}

function conditionOf(status: { conditions: { type: string; status: string }[] }, type: string): string | undefined {
  return status.conditions.find((condition) => condition.type === type)?.status;
}

function pod(name: string, annotations: Record<string, string> = {}, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations },
    spec: { containers: [{ name: 'main', image: 'none' }], ...spec },
  };
}

function statefulSet(name: string, replicas: number): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name },
    spec: {
      replicas,
      serviceName: name,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'none' }] } },
    },
  };
}

function clusterDirs(): string[] {
  return readdirSync(ownTmp)
    .filter((name) => name.startsWith('reschedule-hook-cluster-'))
    .map((name) => join(ownTmp, name));
}
