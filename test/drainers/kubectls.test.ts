import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { UsageError } from '../../src/command-line.ts';
import { readWanted } from './command.ts';
import { assertVersion } from './kubectls.ts';

const folder = mkdtempSync(join(tmpdir(), 'kubectls-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** One that says this, and nothing else. */
function aKubectl(name: string, says: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n[ "$*" = 'version --client --output=json' ] && echo '${says}'\n`, { mode: 0o755 });
  return path;
}

const path = aKubectl('kubectl', '{ "clientVersion": { "gitVersion": "v1.36.3" } }');

describe('--kubectl', () => {
  for (const version of ['1.36', '1.36.3']) {
    test(`${version} is taken from a kubectl of 1.36.3`, () => assertVersion({ version, path }));
  }

  for (const version of ['1.33', '1.3', '1.36.1']) {
    test(`${version} is refused for a kubectl of 1.36.3, with what to write`, () =>
      assert.rejects(assertVersion({ version, path }), (error: Error) => {
        assert.ok(error instanceof UsageError);
        assert.equal(
          error.message,
          `--kubectl ${version}=${path}: that kubectl is 1.36.3; write --kubectl 1.36=${path}`,
        );
        return true;
      }));
  }

  for (const [what, other] of [
    ['nothing', join(folder, 'nothing')],
    ['a program that says something else', aKubectl('other', 'hello')],
  ] as const) {
    test(`${what} is refused`, () => assert.rejects(assertVersion({ version: '1.36', path: other }), UsageError));
  }

  test('is looked at before anything is started', () => {
    const args = [join(import.meta.dirname, 'main.ts'), '--dry', '--kubectl', `1.33=${path}`];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf-8' });
    assert.match(stderr, /^drainers: --kubectl 1\.33=\S+: that kubectl is 1\.36\.3; write /);
    assert.equal(status, 2);
  });
});

test('what plays nothing takes no option that says what to play', () => {
  for (const [line, said] of [
    ['--page --drainer kured', '--page plays nothing: leave --drainer out'],
    ['--list --dry', '--list plays nothing: leave --dry out'],
    ['--page --list', 'name one of --page and --list'],
  ] as const)
    assert.throws(() => readWanted(line.split(' ')), { name: 'UsageError', message: said });
});
