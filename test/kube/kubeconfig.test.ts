import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

  test('names the file of KUBECONFIG that is not there', (t) => {
    const home = aHome(t);
    assert.throws(() => loadKubeConfig({ HOME: home, KUBECONFIG: join(home, 'absent') }), /absent.*no such file/);
  });

  test('says what to do where there is no current context', (t) => {
    const home = aHome(t);
    const KUBECONFIG = aFile(home, 'config', kubeconfig('a', ''));
    assert.throws(() => loadKubeConfig({ HOME: home, KUBECONFIG }), /kubectl config use-context NAME/);
  });
});
