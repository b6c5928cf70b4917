import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'test-command-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const { HOOK_ENTRY } = process.env;
const BUILT = HOOK_ENTRY === undefined ? {} : { HOOK_ENTRY };

/** `npm test -- ARGS` on a machine that has neither the binaries of a control plane, nor Go to build them, nor a browser. */
function onABareMachine(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/test.ts', ...args], {
    encoding: 'utf-8',
    // It does not build the hook anew, which other tests are starting.
    env: { PATH: dirname(process.execPath), HOME: folder, XDG_CACHE_HOME: folder, ...BUILT, ...env },
  });
  return { status, output: stdout + stderr };
}

describe('npm test', () => {
  for (const [line, problem] of [
    ['--unit --fast', 'name one of --unit and --fast'],
    ['--fast --long', 'name one of --long and --fast'],
    ['--unit --kubernetes 1.37', '--unit needs no control plane: leave --kubernetes out'],
    ['--fast --kubernetes other', '--fast needs no control plane: leave --kubernetes out'],
    [
      '--kubernetes 1.37 test/policy/duration.test.ts',
      'no FILE of these needs a control plane: leave --kubernetes out',
    ],
    ['--unit test/policy/duration.test.ts', 'FILE says what is run: leave --unit out'],
    ['test/nosuch.test.ts', 'there is no file test/nosuch.test.ts'],
  ] as const)
    test(`${line} is refused`, () =>
      assert.deepEqual(onABareMachine(line.split(' ')), { status: 2, output: `test: ${problem}\n` }));

  const files = ['test/policy/duration.test.ts', 'test/cluster/drains/drain.test.ts', 'test/browser/report.test.ts'];
  for (const [where, env, status] of [
    ['is no failure', {}, 0],
    ['is one with CI=true', { CI: 'true' }, 1],
  ] as const)
    test(`a named file that cannot run here is said not to have run, which ${where}`, () => {
      const found = onABareMachine(files, env);
      assert.match(found.output, /NOT RUN: 1 files of tests in a browser/);
      assert.match(found.output, /NOT RUN: 1 files of tests on a real control plane of Kubernetes 1\.\d+: /);
      assert.match(found.output, /pass [1-9]/);
      assert.match(found.output, /^took: these files \d+\.\d min$/m);
      assert.equal(found.status, status);
    });
});
