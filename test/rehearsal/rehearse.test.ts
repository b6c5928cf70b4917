import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { HOOK_ENTRY } from '../../testkit/hook-process.ts';

/** `npm run rehearse` where there is nothing but Node: no kubectl, no Go. */
// Most of it is waiting until the drainer tries again.
describe('npm run rehearse', { concurrency: true }, () => {
  for (const process of ['in-place', 'swap']) {
    test(`rehearses a drain, ${process}, with nothing but Node, and leaves nothing behind`, async (t) => {
      const tmp = await mkdtemp(join(tmpdir(), 'rehearse-test-'));
      t.after(() => rm(tmp, { recursive: true, force: true }));
      const { code, stdout, stderr } = await rehearse(tmp, ['--process', process, '--period', '1s', '--verbose']);
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /no kubectl is installed/);
      assert.match(stdout, /\nhook ready at /);
      assert.match(stdout, /hook +Pod marked for rescheduling +cb-/);
      // The answer that drains consist of was given once at least: the second pod waits for the first, for a period or more.
      assert.match(stdout, /hook +Pod waiting +cb-\d+ +Pod waiting to be rescheduled \(marked/);
      assert.match(stdout, /\n✔ safe: 8 of 8 checks hold, [\dms]+\n/);
      assert.match(stdout, /drain of node-\d: +safe, [\dms]+, by /);
      assert.match(stdout, /moves per pod: +cb-000\d 1x\n/);
      assert.match(
        stdout,
        process === 'swap' ? /entries that remain: +0\n/ : /entries that remain: +1 reschedule\.hook\/db\.cb-/,
      );
      assert.match(stdout, /\ntook [\d.]+ s in all\n/);
      assert.deepEqual(await readdir(tmp), []);
    });
  }
});

async function rehearse(TMPDIR: string, args: readonly string[]) {
  // Only the folder of this very Node: no kubectl can be found.
  const { NODE_COMPILE_CACHE } = process.env;
  const env = { PATH: dirname(process.execPath), TMPDIR, NODE_COMPILE_CACHE };
  const child = spawn(process.execPath, [HOOK_ENTRY, 'rehearse', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}
