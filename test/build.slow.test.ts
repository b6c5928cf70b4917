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

  test('holds one file to run and nothing of the development', () => {
    const files = globSync('**/*', { cwd: image.dir }).filter((file) => statSync(join(image.dir, file)).isFile());
    const expected = ['LICENSE', 'bin/reschedule-hook.js', 'dist/main.js', 'dist/main.js.map', 'package.json'];
    assert.deepEqual(files.sort(), expected.map((file) => `app/${file}`).sort());
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
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /LOG_LEVEL is "loud"/);
    assert.match(run([], { TLS_CERT_FILE: '/nowhere' }).stderr, /TLS_CERT_FILE: cannot read \/nowhere/);
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
