import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LOG } from '../src/log/messages.ts';
import { createAuthority, writeServing } from '../testkit/certificates.ts';
import { HookProcess } from '../testkit/hook-process.ts';
import { freePorts } from '../testkit/ports.ts';
import { buildByDockerfile, entryOf, type Stage } from './support/image.ts';

const ROOT = join(import.meta.dirname, '..');
const NAMES_WHAT_IT_LOADS = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    load(url, context, next) {
      process.stderr.write('loaded ' + url + '\\n');
      return next(url, context);
    },
  });
`)}`;
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf-8'));

describe('the image, built as the Dockerfile states', () => {
  let dir: string;
  let stages: Stage[];
  let image: Stage;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'reschedule-hook-image-'));
    // test/cluster/install/installed.test.ts does all of it.
    stages = await buildByDockerfile(dir, { link: true });
    image = stages.at(-1) as Stage;
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  test('is based on images of the Node that this package is tested with, and its user is not root', () => {
    assert.deepEqual(
      stages.map(({ from }) => from),
      [`node:${PACKAGE.devDependencies.node}-bookworm-slim`, 'gcr.io/distroless/nodejs24-debian12:nonroot'],
    );
    assert.equal(PACKAGE.devDependencies.node.split('.')[0], '24');
    assert.equal(image.user, '65532:65532');
  });

  test('holds one program to run and nothing of the development', () => {
    const files = globSync('**/*', { cwd: image.dir }).filter((file) => statSync(join(image.dir, file)).isFile());
    const expected = ['LICENSE', 'bin/check-node.cjs', 'bin/reschedule-hook.js', 'dist/main.js', 'dist/main.js.map'];
    assert.deepEqual(
      files.filter((file) => !/^app\/dist\/parts\/[\w-]+\.js(\.map)?$/.test(file)).sort(),
      [...expected, 'package.json'].map((file) => `app/${file}`),
    );
    const bytes = files.reduce((sum, file) => sum + statSync(join(image.dir, file)).size, 0);
    assert.ok(bytes < 12 * 1024 * 1024, `${bytes} bytes`);
  });

  test('answers what it is, and what is wrong with its settings', () => {
    const { cwd, nodeArgs, file } = entryOf(image);
    const run = (args: string[], env: Record<string, string> = {}) =>
      spawnSync(process.execPath, [...nodeArgs, file, ...args], {
        cwd,
        env: { ...image.env, ...env },
        encoding: 'utf-8',
      });
    assert.equal(run(['--version']).stdout, `${PACKAGE.version}\n`);
    const wrong = run([], { TLS_CERT_FILE: '/nowhere', LOG_LEVEL: 'loud' });
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /LOG_LEVEL is "loud"/);
    assert.match(run([], { TLS_CERT_FILE: '/nowhere' }).stderr, /TLS_CERT_FILE: cannot read \/nowhere/);
  });

  test('has every command, but starts no cluster for a rehearsal', () => {
    const { cwd, nodeArgs, file } = entryOf(image);
    const rehearse = (args: readonly string[]) =>
      spawnSync(process.execPath, [...nodeArgs, file, 'rehearse', ...args], { cwd, env: image.env, encoding: 'utf-8' });
    assert.match(rehearse(['--list']).stdout, /^in-place /);
    const { status, stdout, stderr } = rehearse(['--drainer=built-in']);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^reschedule-hook: the image starts no cluster of its own: give --context [^\n]*\n$/);
    const observed = rehearse(['--context=none', '--observe']);
    assert.deepEqual([observed.status, observed.stdout], [2, '']);
    assert.match(observed.stderr, /^reschedule-hook: [^\n]*\n$/);
    assert.doesNotMatch(observed.stderr, /the image starts no cluster/);
  });

  test('serves without what only a rehearsal needs', () => {
    const { cwd, nodeArgs, file } = entryOf(image);
    const loadedBy = (command: string) => {
      const args = [...nodeArgs, '--import', NAMES_WHAT_IT_LOADS, file, command];
      const env = { ...image.env, TLS_CERT_FILE: '/nowhere' };
      const { stderr } = spawnSync(process.execPath, args, { cwd, env, encoding: 'utf-8' });
      const files = [...stderr.matchAll(/^loaded file:\/\/(\S+)$/gm)].map(([, path = '']) =>
        readFileSync(path, 'utf-8'),
      );
      return files.join('\n');
    };
    assert.match(loadedBy('rehearse'), /StandInOperator/);
    const served = loadedBy('serve');
    assert.match(served, /reschedule-hook-server/);
    assert.doesNotMatch(served, /StandInOperator/);
  });

  test('starts, serves, is not ready without an API server, and ends when it is told', async (t) => {
    const [webhook = 0, health = 0, nobody = 0] = await freePorts(3);
    const kubeconfigPath = join(dir, 'kubeconfig');
    const files = await writeServing(join(dir, 'serving'), await (await createAuthority()).issue());
    await writeFile(kubeconfigPath, JSON.stringify(kubeconfigOf(`https://127.0.0.1:${nobody}`)));
    const { nodeArgs, file } = entryOf(image);
    const hook = new HookProcess({ kubeconfigPath, files, nodeArgs, entry: file, env: image.env }, { webhook, health });
    t.after(() => hook.kill('SIGKILL'));
    const started = hook.start();
    started.catch(() => undefined);
    await Promise.race([started, hook.waitForLine(({ message }) => message === LOG.started)]);
    const response = await fetch(`${hook.healthUrl}/readyz`);
    assert.equal(response.status, 503);
    assert.equal((await fetch(`${hook.healthUrl}/livez`)).status, 200);
    hook.kill('SIGTERM');
    assert.deepEqual(await hook.exited, { code: 0, signal: null });
    await assert.rejects(started, /ended with code 0 before it was ready/);
  });
});

const kubeconfigOf = (server: string) => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'nobody', cluster: { server } }],
  users: [{ name: 'nobody', user: {} }],
  contexts: [{ name: 'nobody', context: { cluster: 'nobody', user: 'nobody' } }],
  'current-context': 'nobody',
});
