import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { onEach } from '../../scripts/on-each.ts';
import { chosenKubernetes } from '../../testkit/control-plane/versions.ts';

async function played(t: TestContext, versions: readonly string[]) {
  t.mock.method(console, 'log', () => undefined);
  const done: string[] = [];
  const codes = await onEach(
    versions,
    async (version) => void done.push(`build ${version}`),
    () => {
      done.push(`test ${chosenKubernetes()}`);
      return chosenKubernetes() === '1.36' ? 0 : 1;
    },
  );
  return { done, codes };
}

describe('tests on several versions of Kubernetes', () => {
  test('begin when all of them are built: a test takes parts of the neighbours that are there', async (t) => {
    const { done, codes } = await played(t, ['1.36', '1.37']);
    assert.deepEqual(done, ['build 1.36', 'build 1.37', 'test 1.36', 'test 1.37']);
    assert.deepEqual(codes, [0, 1]);
  });

  test('of one, what is to be built is left to those tests that need it', async (t) => {
    assert.deepEqual((await played(t, ['1.36'])).done, ['test 1.36']);
  });
});
