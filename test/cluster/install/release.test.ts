import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { ensureAssets } from '../../../testkit/control-plane/assets.ts';
import { ensureHelm } from '../../../testkit/control-plane/helm.ts';

const ROOT = join(import.meta.dirname, '../../..');
const FOLDERS = ['bin', 'charts', 'config', 'docs', 'rehearsal', 'scripts', 'src', 'testkit'];
const FILES = ['package.json', 'package-lock.json', 'tsconfig.json', 'CHANGELOG.md', 'LICENSE', 'README.md'];
const TAGGED = ['package.json', 'package-lock.json', 'config/manager/kustomization.yaml', 'docs/install.md'];
const DIGEST = `sha256:${'0a'.repeat(32)}`;
const NAME = 'registry.example.com/team/reschedule-hook-server:98.7.0';
const REPOSITORY = 'https://git.example.com/team/reschedule-hook';

/** A checkout of its own, of which a version is made that nobody has released. */
let checkout: string;
let PATH: string;
let helm: string;

before(async () => {
  const { kubectl } = await ensureAssets({ log: () => undefined });
  ({ helm4: helm } = await ensureHelm());
  checkout = mkdtempSync(join(tmpdir(), 'reschedule-hook-release-'));
  symlinkSync(helm, join(checkout, 'helm'));
  PATH = `${dirname(kubectl)}:${checkout}:${process.env.PATH}`;
  for (const name of [...FOLDERS, ...FILES]) cpSync(join(ROOT, name), join(checkout, name), { recursive: true });
  const changelog = join(checkout, 'CHANGELOG.md');
  const line = '### Added\n\n- Something ([docs/install.md](docs/install.md)). Nothing to do.';
  writeFileSync(changelog, readFileSync(changelog, 'utf-8').replace(/^## Unreleased$/m, `$&\n\n${line}`));
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
});

after(() => rmSync(checkout, { recursive: true, force: true }));

function run(script: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const options = { cwd: checkout, env: { ...process.env, PATH }, encoding: 'utf-8' } as const;
  return spawnSync(process.execPath, [join('scripts/release', script), ...args], options);
}

describe('a release, from the changelog to the checksums', () => {
  test('npm run release:prepare writes the version wherever it stands', () => {
    const { status, stderr } = run('prepare.ts', '98.7.0');
    assert.equal(status, 0, stderr);
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf-8'));
    for (const file of TAGGED) {
      const text = readFileSync(join(checkout, file), 'utf-8');
      assert.ok(text.includes('98.7.0'), file);
      assert.equal(text.replaceAll('98.7.0', version), readFileSync(join(ROOT, file), 'utf-8'), file);
    }
    const chart = parse(readFileSync(join(checkout, 'charts/reschedule-hook/Chart.yaml'), 'utf-8'));
    assert.deepEqual([chart.version, chart.appVersion], ['98.7.0', '98.7.0'], 'made anew by npm run chart');
    const lock = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf-8'));
    assert.deepEqual([lock.version, lock.packages[''].version], ['98.7.0', '98.7.0']);
    const again = run('prepare.ts', '98.8.0');
    assert.deepEqual([again.status, again.stderr], [1, 'release:prepare: CHANGELOG.md lists nothing as Unreleased\n']);
    assert.equal(run('prepare.ts').status, 2);
  });

  test('npm run release -- --check lets that tag through, and no other', () => {
    assert.equal(run('main.ts', '--check', '--tag', 'v98.7.0').status, 0);
    assert.equal(run('main.ts', '--check', '--tag', 'v98.7.1').status, 1);
  });

  test('npm run release makes every file', () => {
    mkdirSync(join(checkout, 'dist'));
    writeFileSync(join(checkout, 'dist/image.json'), JSON.stringify({ 'containerimage.digest': DIGEST }));
    const pushed = ['--image', NAME, '--metadata', 'dist/image.json'];
    const { status, stderr } = run('main.ts', '--tag', 'v98.7.0', '--repository', REPOSITORY, ...pushed);
    assert.equal(status, 0, stderr);
    const overlays = globSync('config/overlays/*/kustomization.yaml', { cwd: ROOT }).map((file) =>
      basename(dirname(file)),
    );
    assert.ok(overlays.length >= 4);
    const installations = ['install.yaml', ...overlays.map((name) => `install-${name}.yaml`)];
    const others = ['CHANGES.md', 'SHA256SUMS', 'image.txt', 'prometheus.yaml', 'sbom.cdx.json'];
    const packages = [
      'krew.yaml',
      'kubectl-reschedule-98.7.0.tar.gz',
      'npm-reschedule-hook-98.7.0.tgz',
      'reschedule-hook-98.7.0.tgz',
    ];
    const all = [...installations, ...others, ...packages];
    assert.deepEqual(readdirSync(release()).sort(), all.sort());
  });

  test('each installation runs the image by its digest, and no file names the image of a checkout', () => {
    assert.equal(read('image.txt'), `${NAME}@${DIGEST}\n`);
    for (const name of readdirSync(release()).filter((name) => name.startsWith('install'))) {
      assert.ok(!read(name).includes('localhost/'), name);
      const deployments = objects(name).filter(({ kind }) => kind === 'Deployment');
      const images = deployments.map(({ spec }) => spec.template.spec.containers[0].image);
      assert.deepEqual(images, [`${NAME}@${DIGEST}`], name);
    }
  });

  test('the chart has the version, and the repository of the image', () => {
    const show = (what: string) =>
      parse(execFileSync(helm, ['show', what, 'reschedule-hook-98.7.0.tgz'], { cwd: release(), encoding: 'utf-8' }));
    const { version, appVersion } = show('chart');
    assert.deepEqual([version, appVersion], ['98.7.0', '98.7.0']);
    assert.equal(`${show('values').image.repository}:${appVersion}`, NAME);
  });

  test('kubectl finds the plugin in the PATH', () => {
    const bin = join(checkout, 'plugin');
    mkdirSync(bin);
    execFileSync('tar', ['-xf', join(release(), 'kubectl-reschedule-98.7.0.tar.gz'), '-C', bin]);
    const env = { PATH: [bin, dirname(process.execPath), PATH].join(delimiter), HOME: checkout };
    const kubectl = (...args: string[]) => spawnSync('kubectl', ['reschedule', ...args], { env, encoding: 'utf-8' });
    const { status, stdout, stderr } = kubectl('status', '--help');
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^Usage: kubectl reschedule status \[options\]\n/);
    assert.equal(kubectl('--version').stdout, '98.7.0\n');
    const wrong = kubectl('statsu');
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /^kubectl reschedule: unknown command 'statsu' \(did you mean status\?\); see --help\n/);
  });

  test('each alert has the address of its section, beside the path', () => {
    const rules = objects('prometheus.yaml').find(({ kind }) => kind === 'PrometheusRule');
    const alerts = rules.spec.groups.flatMap((group: { rules: object[] }) => group.rules);
    assert.ok(alerts.length > 10);
    for (const { alert, annotations } of alerts) {
      const path = `docs/operations.md#${alert.toLowerCase()}`;
      assert.deepEqual([annotations.runbook, annotations.runbook_url], [path, `${REPOSITORY}/blob/v98.7.0/${path}`]);
    }
  });

  test('the notes are the section of the changelog, with links that lead to the tag', () => {
    const notes = read('CHANGES.md');
    assert.match(notes, /^### Added\n/);
    assert.doesNotMatch(notes, /\]\((?!https:)/);
    assert.ok(notes.includes(`](${REPOSITORY}/blob/v98.7.0/docs/`));
  });

  test('sha256sum finds every file as it was made', () => {
    const lines = execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], {
      cwd: release(),
      encoding: 'utf-8',
    });
    assert.equal(lines.trim().split('\n').length, readdirSync(release()).length - 1);
  });
});

const release = () => join(checkout, 'dist/release');
const read = (name: string) => readFileSync(join(release(), name), 'utf-8');
// biome-ignore lint/suspicious/noExplicitAny: YAML
const objects = (name: string): any[] => parseAllDocuments(read(name)).map((document) => document.toJS());
