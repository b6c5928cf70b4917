import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { inClusterEnv, writeServiceAccount } from '../../bench/phases/reference.ts';

const ACCESS = { server: 'https://127.0.0.1:6443', caData: 'the authority', token: 'a token' };

function aFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'service-account-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('the other hook finds the API server by the variables of a pod', () => {
  const env = (host: string, port: string) => ({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port });
  assert.deepEqual(inClusterEnv('https://127.0.0.1:6443'), env('127.0.0.1', '6443'));
  assert.deepEqual(inClusterEnv('https://kubernetes.default.svc'), env('kubernetes.default.svc', '443'));
});

describe('the files of a ServiceAccount', () => {
  test('are written, and removed with the folders that were made for them', async (t) => {
    const [top, folder] = [aFolder(t), 'kubernetes.io/serviceaccount'];
    const remove = await writeServiceAccount(join(top, folder), ACCESS);
    const content = (name: string) => readFileSync(join(top, folder, name), 'utf-8');
    assert.deepEqual(['token', 'ca.crt', 'namespace'].map(content), ['a token', 'the authority', 'default']);
    await remove();
    assert.deepEqual(readdirSync(top), []);
  });

  test('are not written over those of a pod', async (t) => {
    const folder = join(aFolder(t), 'serviceaccount');
    mkdirSync(folder);
    writeFileSync(join(folder, 'ca.crt'), 'of the pod');
    await assert.rejects(
      writeServiceAccount(folder, ACCESS),
      /^Error: REFERENCE_HOOK needs a ServiceAccount in .*EEXIST/,
    );
    assert.equal(readFileSync(join(folder, 'ca.crt'), 'utf-8'), 'of the pod');
    assert.ok(!existsSync(join(folder, 'token')));
  });
});
