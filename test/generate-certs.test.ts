import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../scripts/generate-certs.sh', import.meta.url));
const TOOLS = ['cat', 'rm', 'mktemp', 'date'];

/** A PATH with the ordinary tools and these scripts in it, and a folder for temporary files. */
function aPath(t: TestContext, scripts: Readonly<Record<string, string>>) {
  const dir = mkdtempSync(join(tmpdir(), 'generate-certs-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const [bin, tmp] = [mkdtempSync(join(dir, 'bin-')), mkdtempSync(join(dir, 'tmp-'))];
  for (const tool of TOOLS) {
    const { stdout } = spawnSync('/bin/sh', ['-c', `command -v ${tool}`], { encoding: 'utf-8' });
    symlinkSync(stdout.trim(), join(bin, tool));
  }
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(bin, name), text, { mode: 0o755 });
  const run = (...args: string[]) => {
    const env = { PATH: bin, TMPDIR: tmp };
    const { status, stdout, stderr } = spawnSync('/bin/sh', [SCRIPT, ...args], { env, encoding: 'utf-8' });
    return { code: status, stdout, stderr, left: readdirSync(tmp) };
  };
  return { run };
}

const OPENSSL = '#!/bin/sh\nexit 1\n';

describe('scripts/generate-certs.sh', () => {
  test('--help names every option and its default, and needs nothing', (t) => {
    const { code, stdout } = aPath(t, {}).run('--help');
    assert.equal(code, 0);
    for (const word of ['--namespace', '--service', '--secret', '--days', 'reschedule-hook-tls']) {
      assert.ok(stdout.includes(word), word);
    }
  });

  for (const [args, code, error] of [
    [['--what'], 2, 'unknown argument --what; see --help'],
    [['--days'], 2, '--days needs a value; see --help'],
    [['--days', '0'], 1, '--days is "0"; it must be a number of days'],
    [['--days', '1y'], 1, '--days is "1y"; it must be a number of days'],
    [['--service', 'a,DNS:b'], 1, '"a,DNS:b" is not a name'],
    [['-n', ''], 1, '"" is not a name'],
  ] as const) {
    test(`${JSON.stringify(args)}: ${error}`, (t) => {
      const outcome = aPath(t, {}).run(...args);
      assert.deepEqual([outcome.code, outcome.stderr], [code, `generate-certs: ${error}\n`]);
    });
  }

  test('says which program is missing', (t) => {
    assert.match(aPath(t, {}).run().stderr, /^generate-certs: openssl is not installed\n$/);
    const { code, stderr } = aPath(t, { openssl: OPENSSL }).run();
    assert.deepEqual([code, stderr], [1, 'generate-certs: kubectl is not installed; KUBECTL can name another\n']);
  });

  test('says what is not in the cluster, after what kubectl says', (t) => {
    const away = '#!/bin/sh\necho "connection refused" >&2; exit 1\n';
    const { stderr } = aPath(t, { openssl: OPENSSL, kubectl: away }).run('-n', 'hooks');
    const where = 'in the cluster of the current context; apply the manifests first';
    assert.equal(stderr, `connection refused\ngenerate-certs: cannot find namespace hooks ${where}\n`);
  });

  test('leaves no key behind where openssl fails', (t) => {
    const { code, stderr, left } = aPath(t, { openssl: OPENSSL, kubectl: '#!/bin/sh\necho a/b\n' }).run();
    assert.equal(code, 1);
    assert.match(stderr, /openssl genpkey failed/);
    assert.deepEqual(left, []);
  });
});
