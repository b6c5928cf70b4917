import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The steps of the Dockerfile: build where only its COPY lines have been, then run where only the result is. */
test('the built file runs alone: no sources, no node_modules', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'reschedule-hook-build-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const name of ['package.json', 'tsconfig.json', 'scripts/build.ts', 'scripts/bundle.ts', 'src', 'bin']) {
    cpSync(join(ROOT, name), join(dir, name), { recursive: true, filter: (path) => !path.endsWith('src/rehearsal') });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  const built = spawnSync(process.execPath, ['scripts/build.ts'], { cwd: dir, encoding: 'utf-8' });
  assert.equal(built.status, 0, built.stderr);
  for (const name of ['node_modules', 'src', 'scripts']) rmSync(join(dir, name), { recursive: true });

  const run = (args: string[], env: Record<string, string> = {}) =>
    spawnSync(process.execPath, ['bin/reschedule-hook.js', ...args], { cwd: dir, env, encoding: 'utf-8' });
  assert.match(run(['--version']).stdout, /^\d+\.\d+\.\d+\n$/);
  const wrong = run([], { TLS_CERT_FILE: '/nowhere', LOG_LEVEL: 'loud' });
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /LOG_LEVEL is "loud"/);
  assert.match(run([], { TLS_CERT_FILE: '/nowhere' }).stderr, /TLS_CERT_FILE: cannot read \/nowhere/);
});
