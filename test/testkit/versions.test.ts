import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { findAssets } from '../../testkit/control-plane/assets.ts';
import { cacheFolder, controlPlaneSet, pinnedVersion } from '../../testkit/control-plane/go-build.ts';
import {
  DEFAULT_KUBERNETES,
  kubernetesVersions,
  minorOf,
  readVersions,
  toolsFolder,
} from '../../testkit/control-plane/versions.ts';

const VERSIONS = kubernetesVersions();

/** The version before that one, if it is pinned. */
function before(version: string) {
  const found = VERSIONS[VERSIONS.indexOf(version) - 1];
  return found === undefined ? {} : { before: found };
}

/** Before the tests, and what is built is kept apart from what a job with another version before keeps. */
function assertBuildsBefore(steps: readonly { readonly run?: string; readonly with?: { readonly key?: string } }[]) {
  const at = (wanted: RegExp) => steps.findIndex(({ run = '' }) => wanted.test(run));
  const builtAt = at(/^npm run cluster:build -- --kubernetes "\$BEFORE"$/);
  assert.ok(builtAt > 0 && builtAt < at(/^(\.ci\/run|npm test .*)$/));
  const keys = steps.flatMap(({ with: { key } = {} }) => key ?? []);
  assert.match(keys.join(), /\$\{\{ (env\.BEFORE|matrix\.before) \}\}/);
}

const read = (file: string) => readFileSync(join(import.meta.dirname, '..', '..', file), 'utf8');

describe('the versions of Kubernetes that tests run on', () => {
  test('are five minors without a gap, with the default among them', () => {
    const [oldest = ''] = VERSIONS;
    assert.deepEqual(
      VERSIONS,
      [0, 1, 2, 3, 4].map((n) => `1.${minorOf(oldest) + n}`),
    );
    assert.ok(VERSIONS.includes(DEFAULT_KUBERNETES));
  });

  for (const version of VERSIONS) {
    test(`${version}: every part of it is of one patch version`, () => {
      const pinned = pinnedVersion(`kubernetes/${version}`, 'k8s.io/kubernetes');
      assert.match(pinned, new RegExp(`^v1\\.${minorOf(version)}\\.\\d+$`));
      const mod = readFileSync(join(toolsFolder, 'kubernetes', version, 'go.mod'), 'utf8');
      const replaced = [...mod.matchAll(/^\tk8s\.io\/\S+ => (\S+) (\S+)$/gm)];
      assert.ok(replaced.length > 25, `${replaced.length} staging modules`);
      for (const [, , part] of replaced) assert.equal(part, pinned.replace('v1.', 'v0.'));
    });
  }

  test('are kept apart', () => {
    const folders = new Set(VERSIONS.map((version) => cacheFolder(controlPlaneSet(version))));
    assert.equal(folders.size, VERSIONS.length);
  });

  test('one, or all of them, are asked for by name', () => {
    assert.deepEqual(readVersions('1.37'), ['1.37']);
    assert.deepEqual(readVersions('all'), VERSIONS);
    assert.throws(() => readVersions('1.3'), /^Error: takes 1\.33, .* or all, not "1\.3"$/);
    assert.throws(() => readVersions('1.3', ['other']), / 1\.37, other or all, not "1\.3"$/);
    const found = findAssets('1.3');
    assert.equal(found.state, 'unavailable');
    assert.match(
      found.state === 'unavailable' ? found.why : '',
      /no control plane of Kubernetes 1\.3: .* takes 1\.33, /,
    );
  });

  test('are those of the jobs', () => {
    const { jobs } = parse(read('.github/workflows/ci.yml'));
    const elsewhere = VERSIONS.filter((version) => version !== DEFAULT_KUBERNETES);
    const withBefore = elsewhere.map((kubernetes) => ({ kubernetes, ...before(kubernetes) }));
    assert.deepEqual(jobs.versions.strategy.matrix.include, withBefore);
    assert.equal(jobs.test.env.BEFORE, before(DEFAULT_KUBERNETES).before);
    for (const { steps } of [jobs.test, jobs.versions]) assertBuildsBefore(steps);
    const inKind: { kubernetes: string; image: string }[] = jobs.kind.strategy.matrix.include;
    assert.deepEqual(
      inKind.map(({ kubernetes }) => kubernetes),
      VERSIONS,
    );
    for (const { kubernetes, image } of inKind) {
      assert.match(image, new RegExp(`^kindest/node:v${kubernetes}\\.\\d+@sha256:[0-9a-f]{64}$`));
    }
  });

  test('are what the pages name', () => {
    const [oldest, newest] = [VERSIONS[0], VERSIONS.at(-1)];
    assert.match(read('README.md'), new RegExp(`Kubernetes ${oldest} to ${newest}`));
    assert.match(read('docs/install.md'), new RegExp(`Kubernetes ${oldest} to ${newest}`));
    const page = read('docs/versions.md');
    for (const version of VERSIONS) {
      assert.ok(page.includes(`| ${pinnedVersion(`kubernetes/${version}`, 'k8s.io/kubernetes').slice(1)} |`), version);
    }
  });
});
