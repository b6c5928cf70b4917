import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const noisy = join(import.meta.dirname, '../support/noisy-log.ts');
const MIB = 2 ** 20;

/** A process that logs 8,000 lines of about 1 KB to `output`. Resolves when it has ended. */
async function run(output: number): Promise<{ lost: number; kept: number; code: number }> {
  const child = spawn(process.execPath, [noisy], { stdio: ['ignore', output, 'pipe'] });
  const [said, [code]] = await Promise.all([child.stderr?.toArray(), once(child, 'exit')]);
  return { ...JSON.parse(Buffer.concat(said ?? []).toString()), code };
}

function aFolder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'stalled-reader-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('a pipe whose reader has stalled blocks nobody: the lines beyond 4 MiB are lost and counted, and the process ends', async (t) => {
  const path = join(aFolder(t), 'pipe');
  execFileSync('mkfifo', [path]);
  // Open for reading too, so that it is no broken pipe. Nobody reads.
  const pipe = openSync(path, 'r+');
  t.after(() => closeSync(pipe));
  const { lost, kept, code } = await run(pipe);
  assert.ok(lost > 2_000 && lost < 6_000, `${lost} lines are lost`);
  assert.ok(kept > 3 * MIB && kept < 5 * MIB, `${kept} bytes are kept`);
  assert.equal(code, 7);
});

test('a file takes every line', async (t) => {
  const path = join(aFolder(t), 'file');
  const { lost, code } = await run(openSync(path, 'w'));
  assert.deepEqual([lost, code], [0, 7]);
  const lines = readFileSync(path, 'utf-8').trimEnd().split('\n');
  assert.equal(lines.length, 8_000);
  assert.equal(JSON.parse(lines.at(-1) ?? '').i, 7_999);
});
