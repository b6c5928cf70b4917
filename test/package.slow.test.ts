import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import type { RehearsalRecord } from '../rehearsal/evidence/record.ts';
import { PLUGIN as PLUGIN_BUILD } from '../scripts/bundle.ts';
import { packForNpm } from '../scripts/npm-package.ts';
import { packagePlugin } from '../scripts/release/plugin.ts';

const ROOT = join(import.meta.dirname, '..');
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf-8'));
const RELEASED = { version: '1.2.3', tag: 'v1.2.3', repository: 'https://example.com/owner/name' };
/** This Node, and the npm and the kubectl of the machine. */
const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'reschedule-hook-package-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

function aFolder(name: string): string {
  const folder = join(dir, name);
  mkdirSync(folder);
  return folder;
}

/** In an empty home, and without the network: npm may use only what is on this machine. */
function run(cwd: string, file: string, args: readonly string[], env: Record<string, string> = {}) {
  const own = {
    PATH,
    HOME: dir,
    TMPDIR: dir,
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
    NODE_DISABLE_COMPILE_CACHE: '1',
    ...env,
  };
  const { status, stdout, stderr, error } = spawnSync(file, args, { cwd, encoding: 'utf-8', env: own });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

describe('the package for npm', () => {
  let folder: string;
  before(() => {
    const packed = packForNpm(ROOT, join(dir, 'npm'));
    folder = aFolder('empty');
    const { status, stderr } = run(folder, 'npm', ['install', '--no-audit', '--no-fund', packed]);
    assert.equal(status, 0, stderr);
  });

  const hook = (args: readonly string[]) => run(folder, 'npx', ['--no', '--', 'reschedule-hook', ...args]);

  test('needs no other package, and has no sources', () => {
    const modules = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
    assert.deepEqual(modules, ['reschedule-hook']);
    const files = readdirSync(join(folder, 'node_modules/reschedule-hook'), { recursive: true }).map(String);
    assert.deepEqual(
      files.filter((file) => file.endsWith('.ts')),
      [],
    );
    assert.equal(hook(['--version']).stdout, `${PACKAGE.version}\n`);
  });

  test('rehearses a drain in an empty folder, and leaves nothing behind', () => {
    const { status, stdout, stderr } = hook([
      'rehearse',
      '--drainer=built-in',
      '--period=200ms',
      '--json',
      '--report=report.html',
    ]);
    assert.equal(status, 0, stderr);
    const [record] = JSON.parse(stdout) as RehearsalRecord[];
    assert.deepEqual([record?.holds, record?.versions['reschedule hook']], [true, PACKAGE.version]);
    const page = readFileSync(join(folder, 'report.html'), 'utf-8');
    assert.ok(page.includes(readFileSync(join(ROOT, 'rehearsal/report/page.css'), 'utf-8')));
    assert.deepEqual(readdirSync(dir).sort(), ['.npm', 'empty', 'npm']);
  });

  test('has the manifests', () => {
    const bin = 'node_modules/reschedule-hook/bin/reschedule-hook.js';
    const { status, stderr } = run(folder, process.execPath, [bin, 'manifests', '-'], { PATH: '' });
    assert.deepEqual([status, /^reschedule-hook: kubectl cannot be run /.test(stderr)], [2, true]);
    const config = join(folder, 'node_modules/reschedule-hook/config');
    assert.deepEqual(readdirSync(config).sort(), readdirSync(join(ROOT, 'config')).sort());
  });

  test('says what only a checkout has', () => {
    const { status, stderr } = hook(['rehearse', '--control-plane']);
    assert.deepEqual([status, /needs a checkout/.test(stderr)], [2, true]);
  });
});

describe('the plugin of kubectl', () => {
  let plugin: string;
  let manifest: ReturnType<typeof parse>;
  before(() => {
    const released = aFolder('released');
    manifest = parse(packagePlugin(ROOT, RELEASED, released));
    const unpacked = aFolder('unpacked');
    const archive = join(released, 'kubectl-reschedule-1.2.3.tar.gz');
    assert.equal(run(unpacked, 'tar', ['-xf', archive]).status, 0);
    assert.deepEqual(readdirSync(unpacked).sort(), ['LICENSE', 'kubectl-reschedule']);
    plugin = join(unpacked, 'kubectl-reschedule');
    const sum = createHash('sha256').update(readFileSync(archive)).digest('hex');
    assert.equal(manifest.spec.platforms[0].sha256, sum);
  });

  test('has a manifest that krew reads', () => {
    const { apiVersion, kind, metadata, spec } = manifest;
    assert.deepEqual([apiVersion, kind], ['krew.googlecontainertools.github.com/v1alpha2', 'Plugin']);
    // krew calls the plugin of that name kubectl-NAME.
    assert.equal(`kubectl-${metadata.name}`, 'kubectl-reschedule');
    assert.match(spec.version, /^v\d+\.\d+\.\d+$/);
    assert.ok(spec.shortDescription.length <= 50 && !spec.shortDescription.endsWith('.'), spec.shortDescription);
    const [{ uri, bin, files }] = spec.platforms;
    assert.equal(uri, 'https://example.com/owner/name/releases/download/v1.2.3/kubectl-reschedule-1.2.3.tar.gz');
    assert.deepEqual([bin, files[0]], ['kubectl-reschedule', { from: 'kubectl-reschedule', to: '.' }]);
  });

  test('is one file that rehearses, and shows its help without a command', () => {
    const folder = aFolder('nothing-else');
    const { status, stdout, stderr } = run(folder, plugin, [
      'rehearse',
      '--drainer=built-in',
      '--period=200ms',
      '--json',
    ]);
    assert.equal(status, 0, stderr);
    assert.equal((JSON.parse(stdout) as RehearsalRecord[])[0]?.holds, true);
    assert.match(run(folder, plugin, []).stdout, /^Usage: kubectl reschedule \[options\] \[command\]\n/);
    const manifests = run(folder, plugin, ['manifests', '-']);
    assert.equal(manifests.status, 2);
    assert.match(
      manifests.stderr,
      /^kubectl reschedule: there are no manifests beside this program: use the npm package/,
    );
  });

  test('runs also below a package of modules', () => {
    const folder = aFolder('modules');
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    copyFileSync(plugin, join(folder, 'kubectl-reschedule'));
    const { stdout, stderr } = run(folder, join(folder, 'kubectl-reschedule'), ['--version']);
    assert.deepEqual([stdout, stderr], [`${PACKAGE.version}\n`, '']);
  });

  test('says in its first line which Node it needs, to one that is too old', () => {
    const pretend = "Object.defineProperty(process.versions, 'node', { value: '20.1.0' })";
    const { status, stderr } = run(dir, process.execPath, ['--import', `data:text/javascript,${pretend}`, plugin]);
    assert.equal(status, 2);
    assert.match(stderr, /^reschedule-hook needs Node 24\.12 or later; this is /);
    // Whoever is too old to run it has to be able to read all of it before: nothing newer than 14 is in it.
    assert.equal(PLUGIN_BUILD.target, 'node14');
    for (const old of oldNodes()) {
      const { status, stderr } = run(dir, old, [plugin, 'status']);
      assert.equal(status, 2, stderr);
      assert.match(stderr, /^reschedule-hook needs Node 24\.12 or later; this is v\d+\./);
    }
  });
});

/** Those of this machine that are too old; maybe none. */
function oldNodes(): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return folders
    .map((folder) => join(folder, 'node'))
    .filter((node) => {
      const { stdout, status } = spawnSync(node, ['--version'], { encoding: 'utf-8' });
      return status === 0 && Number(/^v(\d+)/.exec(stdout)?.[1]) < 24;
    });
}
