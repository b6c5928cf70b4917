import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { findAssets } from '../../testkit/control-plane/assets.ts';
import { controlPlaneSet } from '../../testkit/control-plane/go-build.ts';
import { DEFAULT_KUBERNETES, KUBERNETES_VARIABLE } from '../../testkit/control-plane/versions.ts';

const folder = mkdtempSync(join(tmpdir(), 'assets-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Six programs that say this of their version, as the variable names them. */
function given(version: string): void {
  for (const { name } of controlPlaneSet().binaries) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho 'Kubernetes ${version}'\n`, { mode: 0o755 });
  }
  process.env.KUBEBUILDER_ASSETS = folder;
}

const whyNot = (found: ReturnType<typeof findAssets>) => ('why' in found ? found.why : found.state);

describe('KUBEBUILDER_ASSETS', () => {
  beforeEach(() => {
    given('v1.34.4');
    delete process.env[KUBERNETES_VARIABLE];
  });

  test('stands for the version that is in it, and for no other', () => {
    assert.equal(findAssets('1.34').state, 'ready');
    assert.equal(
      whyNot(findAssets('1.36')),
      `KUBEBUILDER_ASSETS is ${folder}, which holds Kubernetes 1.34, not 1.36: name 1.34 by --kubernetes or TEST_KUBERNETES, or unset it to have 1.36 built`,
    );
  });

  test('also where the environment names the version', () => {
    process.env[KUBERNETES_VARIABLE] = '1.34';
    assert.equal(findAssets().state, 'ready');
    process.env[KUBERNETES_VARIABLE] = '1.37';
    assert.match(whyNot(findAssets()), /holds Kubernetes 1\.34, not 1\.37: /);
  });

  test('is taken as it is where nobody names one', () => assert.equal(findAssets().state, 'ready'));

  test('stands for the chosen version if what is in it does not know its own', () => {
    given('v0.0.0-master+$Format:%H$');
    assert.equal(findAssets(DEFAULT_KUBERNETES).state, 'ready');
    assert.equal(findAssets('1.34').state, 'unavailable');
  });

  test('is refused if a program is missing', () => {
    rmSync(join(folder, 'kwok'));
    assert.match(whyNot(findAssets('1.34')), /which lacks kwok: put them there, /);
  });
});
