import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Refused } from '../../scripts/refused.ts';
import { packageChart } from '../../scripts/release/chart.ts';
import { checksumsOf } from '../../scripts/release/checksums.ts';
import { pushedImage } from '../../scripts/release/files.ts';
import { billOf } from '../../scripts/release/sbom.ts';

const ROOT = join(import.meta.dirname, '../..');
const DIGEST = `sha256:${'0a'.repeat(32)}`;

const SETTINGS = ['user.name=a', 'user.email=a@example.com', 'commit.gpgSign=false', 'tag.gpgSign=false'];
const AS_ANYBODY = SETTINGS.flatMap((setting) => ['-c', setting]);

interface Locked {
  readonly version: string;
  readonly dev?: boolean;
}

function aFolder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'reschedule-hook-release-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A program of that name which does what the lines of bash say. */
function stub(dir: string, name: string, then: string): void {
  writeFileSync(join(dir, name), `#!/bin/bash\n${then}\n`);
  chmodSync(join(dir, name), 0o755);
}

describe('the files of a release', () => {
  test('the image has the digest that buildx wrote, and none is made up', (t) => {
    const file = join(aFolder(t), 'image.json');
    writeFileSync(file, JSON.stringify({ 'containerimage.digest': DIGEST }));
    assert.equal(pushedImage('a/b:1', file), `a/b:1@${DIGEST}`);
    writeFileSync(file, '{}');
    assert.throws(() => pushedImage('a/b:1', file), /has no digest of an image/);
    assert.throws(() => pushedImage('a/b:1', `${file}.none`), /cannot be read/);
  });

  test('the bill of materials has what the hook is bundled from, at the versions of the lockfile, and nothing else', () => {
    const bill = JSON.parse(billOf(ROOT));
    assert.equal(bill.bomFormat, 'CycloneDX');
    assert.equal(bill.metadata.component.name, 'reschedule-hook');
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf-8'));
    const locked = Object.entries<Locked>(packages).filter(([path]) => path !== '');
    // Types run nowhere. One of them is a devDependency, too, which npm leaves out with what comes with it.
    const isType = (path: string) => /(@types\/[^/]+|undici-types)$/.test(path);
    const needed = locked.filter(([path, { dev }]) => dev !== true && !isType(path));
    assert.ok(needed.length > 20 && needed.length < locked.length);
    const named = ([path, { version }]: [string, Locked]) => `${path.replace(/^.*node_modules\//, '')}@${version}`;
    const components: { name: string; version: string }[] = bill.components;
    const listed = components.filter(({ name }) => !isType(name)).map(({ name, version }) => `${name}@${version}`);
    assert.deepEqual([...new Set(listed)].sort(), [...new Set(needed.map(named))].sort());
    assert.equal(billOf(ROOT), billOf(ROOT), 'the same again');
  });

  test('the checksums are those of every other file, as sha256sum reads them', (t) => {
    const dir = aFolder(t);
    writeFileSync(join(dir, 'b.yaml'), 'b');
    writeFileSync(join(dir, 'a.yaml'), 'a');
    writeFileSync(join(dir, 'SHA256SUMS.sigstore.json'), 'made of the checksums');
    writeFileSync(join(dir, 'SHA256SUMS'), checksumsOf(dir));
    const check = () => execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: dir, stdio: 'pipe' });
    assert.equal(`${check()}`, 'a.yaml: OK\nb.yaml: OK\n');
    writeFileSync(join(dir, 'a.yaml'), 'changed');
    assert.throws(check);
  });

  test('a chart is packaged by helm as the version; without a chart nothing is', (t) => {
    const dir = aFolder(t);
    const { PATH } = process.env;
    t.after(() => {
      process.env.PATH = PATH;
    });
    process.env.PATH = dir;
    const pack = (image = 'a.example:5000/b:1') => packageChart(dir, { version: '1.2.0', image }, '/out');
    assert.equal(pack(), false);
    for (const folder of ['charts/reschedule-hook', 'scripts']) mkdirSync(join(dir, folder), { recursive: true });
    writeFileSync(join(dir, 'charts/reschedule-hook/Chart.yaml'), 'name: reschedule-hook\n');
    const makes = `require('node:fs').writeFileSync('${dir}/made', process.argv.slice(2).join(' '))`;
    writeFileSync(join(dir, 'scripts/chart.ts'), makes);
    assert.throws(() => pack(), /^Refused: helm cannot be run/);
    stub(dir, 'helm', `echo "$*" >${dir}/called`);
    for (const image of ['a.example:5000/b', 'a.example:5000/b:1', `a.example:5000/b:1@${DIGEST}`]) {
      assert.equal(pack(image), true);
      const [, repository, chart] = readFileSync(join(dir, 'made'), 'utf-8').split(' ');
      assert.equal(repository, 'a.example:5000/b');
      const called = readFileSync(join(dir, 'called'), 'utf-8');
      assert.equal(called, `package ${chart} --version 1.2.0 --app-version 1.2.0 --destination /out\n`);
    }
    stub(dir, 'helm', 'echo "no such chart" >&2; exit 3');
    assert.throws(() => pack(), new Refused('helm package: no such chart'));
    writeFileSync(join(dir, 'scripts/chart.ts'), 'console.error("chart: no kubectl"); process.exitCode = 1');
    assert.throws(() => pack(), new Refused('chart: no kubectl'));
  });
});

test('npm run release says in one line what is wrong, and makes nothing', (t) => {
  const folder = join(aFolder(t), 'out');
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['scripts/release/main.ts', ...args, folder], { cwd: ROOT, encoding: 'utf-8' });
  for (const [args, code, problem] of [
    [[], 2, /^release: --tag is missing; see --help\n$/],
    [['--tag', 'v99.0.0'], 1, /^release: package.json has the version .*; CHANGELOG.md has no section 99\.0\.0.*\n$/],
    [['--tag', 'v99.0.0', '--repository', 'nowhere'], 2, /--repository takes the address of a repository/],
  ] as const) {
    const { status, stderr } = run(...args);
    assert.equal(status, code, stderr);
    assert.match(stderr, problem);
  }
  assert.ok(!existsSync(folder));
});

describe('scripts/release/rebuild.sh', () => {
  function aRepository(t: TestContext, tags: readonly string[]) {
    const dir = aFolder(t);
    const bin = join(dir, 'bin');
    const source = join(dir, 'source');
    mkdirSync(bin);
    mkdirSync(source);
    stub(bin, 'date', 'echo 20260203');
    stub(bin, 'npm', 'echo "{\\"from\\": \\"$(cat version)\\"}"');
    const git = (...args: string[]) =>
      execFileSync('git', [...AS_ANYBODY, ...args], {
        cwd: source,
        stdio: 'pipe',
      });
    git('init', '--quiet');
    const recipe = `public-image:\n\t@mkdir -p dist; echo '{"containerimage.digest": "${DIGEST}"}' >dist/image.json\n\t@echo $(DOCKER_USER) $(DOCKER_TAG) >made\n`;
    writeFileSync(join(source, 'Makefile'), recipe);
    for (const tag of tags) {
      writeFileSync(join(source, 'version'), tag);
      git('add', '.');
      git('commit', '--quiet', '-m', tag);
      git('tag', tag);
    }
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
    const script = join(ROOT, 'scripts/release/rebuild.sh');
    return { source, run: () => spawnSync(script, ['example.com/a'], { cwd: source, env, encoding: 'utf-8' }) };
  }

  test('builds the sources of the newest release under a name of its own, on any day as often as it is called', (t) => {
    const { source, run } = aRepository(t, ['v0.9.0', 'v0.10.0', 'v0.2.0', 'v0.11.0-rc.1', 'verify']);
    for (const _ of [1, 2]) {
      const { status, stdout, stderr } = run();
      assert.equal(status, 0, stderr);
      assert.match(stdout, new RegExp(`^example.com/a/reschedule-hook-server:0.10.0-20260203@${DIGEST}$`, 'm'));
    }
    const read = (file: string) => readFileSync(join(source, 'dist/rebuild', file), 'utf-8');
    assert.equal(read('source/made'), 'example.com/a 0.10.0-20260203\n');
    assert.equal(read('sbom.cdx.json'), '{"from": "v0.10.0"}\n');
    assert.deepEqual(readdirSync(join(source, 'dist/rebuild')).sort(), ['image.txt', 'sbom.cdx.json', 'source']);
  });

  test('without a release it ends with 1 and says so', (t) => {
    const { run } = aRepository(t, ['v1.0.0-rc.1']);
    const { status, stderr } = run();
    assert.deepEqual([status, stderr], [1, 'rebuild: there is no release yet\n']);
  });
});

describe('scripts/release/scan.sh', () => {
  const scan = (dir: string) =>
    spawnSync(join(ROOT, 'scripts/release/scan.sh'), ['a/b:1', 'sbom.json'], {
      cwd: dir,
      env: { ...process.env, PATH: `${dir}:${process.env.PATH}` },
      encoding: 'utf-8',
    });

  for (const [found, code] of [
    ['nothing', 0],
    ['a/b:1', 1],
    ['sbom:sbom.json', 1],
  ] as const) {
    test(`looks at the image and at the bill of materials; ${found} has a finding`, (t) => {
      const dir = aFolder(t);
      stub(dir, 'grype', `echo "$*" >>${dir}/called\n[ "\${@: -1}" != "${found}" ]`);
      assert.equal(scan(dir).status, code);
      const called = readFileSync(join(dir, 'called'), 'utf-8');
      const options = '--only-fixed --fail-on high';
      assert.equal(called, `${options} a/b:1\n${options} sbom:sbom.json\n`);
    });
  }
});
