import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import type { RehearsalRecord } from '../../rehearsal/evidence/record.ts';
import { HOOK_ENTRY } from '../../testkit/hook-process.ts';

/** Makes a pipe pass for a terminal. */
const AS_TERMINAL = `data:text/javascript,Object.assign(process.stdout, { isTTY: true, columns: 100, rows: 40 })`;
const HIDDEN = '\u001b[?25l';
const SHOWN = '\u001b[?25h';

function start(folder: string, args: readonly string[], nodeArgs: readonly string[] = []) {
  const { NODE_COMPILE_CACHE } = process.env;
  const env = { PATH: dirname(process.execPath), TMPDIR: folder, NODE_COMPILE_CACHE };
  const child = spawn(process.execPath, [...nodeArgs, HOOK_ENTRY, 'rehearse', '--period', '200ms', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended };
}

describe('what npm run rehearse tells', { concurrency: true }, () => {
  test('is a record as JSON, alone on standard output, and a page', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'rehearse-test-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, 'report.html');
    const { child, ended } = start(folder, ['--json', '--report', file]);
    const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    assert.equal(code, 0, stderr);
    const [record, ...others] = JSON.parse(stdout) as RehearsalRecord[];
    assert.equal(others.length, 0);
    assert.ok(record?.holds);
    const [drain] = record.drains;
    assert.equal(drain?.result, 'exit code 0');
    const cordoned = record.nodes.filter(({ cordons }) => cordons.length > 0).map(({ name }) => name);
    assert.deepEqual(cordoned, [drain.node]);
    const old = record.pods.find(({ marks }) => marks.marked !== undefined);
    assert.equal(old?.node, drain.node);
    assert.ok(old.goneMs !== undefined && old.goneMs >= (old.marks.marked?.[0] ?? Number.POSITIVE_INFINITY));
    assert.equal(old.marks.deleted?.length, 1);
    assert.equal(old.marks.released?.length, 1);
    const next = record.pods.find(({ name, uid }) => name === old.name && uid !== old.uid);
    assert.equal(next?.marks.created?.length, 1);
    assert.equal(Math.min(...(record.availability[0]?.points ?? []).map(({ ready }) => ready)), 2);
    assert.deepEqual([...new Set(record.log.map(({ who }) => who))].sort(), ['cluster', 'hook', 'kubectl', 'operator']);
    assert.match(readFileSync(file, 'utf-8'), /^<!doctype html>[\s\S]*<title>Safe: /);
    const said = stderr.split('\n').map((line) => line.replace(/:.*/, ''));
    assert.deepEqual(said.slice(0, 2), ['Rehearsing', '✔ safe'], stderr);
    assert.ok(stderr.includes(`\nreport: ${file}\ntook `), stderr);
  });

  test('is shown live on a terminal, which has its cursor back after Ctrl-C', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'rehearse-test-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const { child, ended } = start(folder, [], ['--import', AS_TERMINAL]);
    let stdout = '';
    for await (const chunk of child.stdout) {
      stdout += chunk;
      // The moment from which on there is a line for a pod.
      if (!child.killed && /\ncb-0000 +node-\d +ready /.test(stdout)) child.kill('SIGINT');
    }
    assert.equal(await ended, 130);
    assert.ok(stdout.startsWith(HIDDEN));
    assert.match(stdout, /J0 of 1 done · in-place [\dms]+\n/);
    assert.ok(stdout.lastIndexOf(SHOWN) > stdout.lastIndexOf(HIDDEN), JSON.stringify(stdout.slice(-200)));
    assert.equal(stdout.split(SHOWN).length, 2);
  });
});
