import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';

function aHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  t.after(() => rmSync(home, { recursive: true }));
  return home;
}

const kubeconfig = (name: string, current = name) => `
apiVersion: v1
kind: Config
current-context: ${JSON.stringify(current)}
clusters: [{ name: ${name}, cluster: { server: 'https://${name}:6443' } }]
users: [{ name: ${name}, user: { token: t } }]
contexts: [{ name: ${name}, context: { cluster: ${name}, user: ${name} } }]
`;

function aFile(home: string, file: string, text: string): string {
  const path = join(home, file);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const CERTIFICATE = 'LS0t';

/** A kubeconfig whose user is an exec plugin. */
const withPlugin = (exec: object) =>
  JSON.stringify({
    'current-context': 'p',
    clusters: [
      {
        name: 'p',
        cluster: {
          server: 'https://p:6443',
          'certificate-authority-data': CERTIFICATE,
          'tls-server-name': 'kube',
          extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'me' } }],
        },
      },
    ],
    users: [{ name: 'p', user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', ...exec } } }],
    contexts: [{ name: 'p', context: { cluster: 'p', user: 'p' } }],
  });

/** A plugin whose token is what it was told, in base64. */
const TELLING = `#!/bin/sh
echo '{"status":{"token":"'"$(printf %s "$KUBERNETES_EXEC_INFO" | base64 | tr -d '\\n')"'"}}'
`;

async function toldTo(config: ReturnType<typeof loadKubeConfig>): Promise<unknown> {
  const options: { headers: Record<string, string> } = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const token = options.headers.Authorization?.replace('Bearer ', '') ?? '';
  return JSON.parse(Buffer.from(token, 'base64').toString());
}

describe('exec plugins, as kubectl runs them', () => {
  function aPlugin(t: TestContext, exec: object) {
    const home = aHome(t);
    chmodSync(aFile(home, 'somewhere/bin/plugin', TELLING), 0o755);
    const KUBECONFIG = aFile(home, 'somewhere/config', withPlugin(exec));
    return loadKubeConfig({ HOME: home, KUBECONFIG });
  }

  test('a relative command is beside its kubeconfig, and is told the version that it has to answer in', async (t) => {
    assert.deepEqual(await toldTo(aPlugin(t, { command: './bin/plugin' })), {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      spec: { interactive: false },
    });
  });

  test('provideClusterInfo: it is told the cluster', async (t) => {
    const env = [{ name: 'OTHER', value: 'x' }];
    const told = await toldTo(aPlugin(t, { command: 'bin/plugin', provideClusterInfo: true, env }));
    assert.deepEqual((told as { spec: unknown }).spec, {
      interactive: false,
      cluster: {
        server: 'https://p:6443',
        'tls-server-name': 'kube',
        'certificate-authority-data': CERTIFICATE,
        config: { audience: 'me' },
      },
    });
  });

  test('one that is not installed: the error has the hint', async (t) => {
    const installHint = 'Install it:\n\n  brew install no-such-plugin\n';
    await assert.rejects(toldTo(aPlugin(t, { command: 'no-such-plugin', installHint })), {
      message:
        'the kubeconfig wants the program no-such-plugin, which is not there: Install it: brew install no-such-plugin',
    });
    await assert.rejects(
      toldTo(aPlugin(t, { command: './no-such-plugin' })),
      /somewhere\/no-such-plugin, which is not there$/,
    );
  });
});

describe('loadKubeConfig', () => {
  test('says what to do where there is no cluster, instead of trying localhost', (t) => {
    const home = aHome(t);
    const expected = `no cluster: set KUBECONFIG, or create ${home}/.kube/config, or run in a pod with a ServiceAccount`;
    assert.throws(() => loadKubeConfig({ HOME: home }), { message: expected });
    assert.throws(() => loadKubeConfig({ HOME: home, KUBECONFIG: '' }), { message: expected });
  });

  test('takes the file in the home directory', (t) => {
    const home = aHome(t);
    aFile(home, '.kube/config', kubeconfig('mine'));
    assert.equal(loadKubeConfig({ HOME: home }).getCurrentCluster()?.server, 'https://mine:6443');
  });

  test('takes KUBECONFIG before it', (t) => {
    const home = aHome(t);
    aFile(home, '.kube/config', kubeconfig('mine'));
    const KUBECONFIG = aFile(home, 'other', kubeconfig('other'));
    assert.equal(loadKubeConfig({ HOME: home, KUBECONFIG }).getCurrentCluster()?.server, 'https://other:6443');
  });

  test('takes the context that is asked for, and names one that is not there', (t) => {
    const home = aHome(t);
    const files = [aFile(home, 'a', kubeconfig('a')), aFile(home, 'b', kubeconfig('b'))];
    const env = { HOME: home, KUBECONFIG: files.join(delimiter) };
    assert.equal(loadKubeConfig(env, 'b').getCurrentCluster()?.server, 'https://b:6443');
    assert.throws(() => loadKubeConfig(env, 'c'), { message: 'the kubeconfig has no context "c"' });
  });

  test('of several files the first to say something wins, and one that is not there is passed over', (t) => {
    const home = aHome(t);
    const files = [join(home, 'absent'), aFile(home, 'a', kubeconfig('a')), aFile(home, 'b', kubeconfig('b'))];
    const config = loadKubeConfig({ HOME: home, KUBECONFIG: files.join(delimiter) });
    assert.equal(config.getCurrentCluster()?.server, 'https://a:6443');
    assert.deepEqual(
      config.getClusters().map(({ name }) => name),
      ['a', 'b'],
    );
  });

  test('passes over an empty file', (t) => {
    const home = aHome(t);
    const files = [aFile(home, 'empty', ''), aFile(home, 'a', kubeconfig('a')), aFile(home, 'comment', '# nothing\n')];
    const config = loadKubeConfig({ HOME: home, KUBECONFIG: files.join(delimiter) });
    assert.equal(config.getCurrentCluster()?.server, 'https://a:6443');
    assert.throws(() => loadKubeConfig({ HOME: home, KUBECONFIG: files[0] }), /no current context with a cluster/);
    aFile(home, '.kube/config', '');
    assert.throws(() => loadKubeConfig({ HOME: home }), /^Error: no cluster: set KUBECONFIG/);
  });

  test('names the file of KUBECONFIG that is not there', (t) => {
    const home = aHome(t);
    assert.throws(() => loadKubeConfig({ HOME: home, KUBECONFIG: join(home, 'absent') }), /absent.*no such file/);
  });

  test('names the file that is no kubeconfig, in one line', (t) => {
    const home = aHome(t);
    const path = aFile(home, 'broken', 'clusters: [');
    const kept = aFile(home, '.kube/config', 'clusters: [');
    const problem = (file: string) => new RegExp(`^Error: the kubeconfig ${file} is not understood: .+$`);
    assert.throws(() => loadKubeConfig({ HOME: home, KUBECONFIG: path }), problem(path));
    assert.throws(() => loadKubeConfig({ HOME: home }), problem(kept));
  });

  test('says what to do where there is no current context', (t) => {
    const home = aHome(t);
    const KUBECONFIG = aFile(home, 'config', kubeconfig('a', ''));
    assert.throws(() => loadKubeConfig({ HOME: home, KUBECONFIG }), /kubectl config use-context NAME/);
  });
});
