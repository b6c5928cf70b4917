import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startLoad } from '../../scripts/steady/load.ts';
import { type Run, tableOf } from '../../scripts/steady/record.ts';
import { untilTrue } from '../support/until-true.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/steady.ts', import.meta.url));
const LOAD = new URL('../../scripts/steady/load.ts', import.meta.url).href;

const GOOD = `import { test } from 'node:test';\ntest('good', () => {});\n`;
const BAD = `import { describe, test } from 'node:test';
describe('a suite', () => test('bad', () => Promise.reject(new Error('so it is'))));
`;
const ENDLESS = `import { test } from 'node:test';\ntest('endless', () => new Promise((ended) => setTimeout(ended, 1e9)));\n`;

/** A folder with test files, and the script run on them. */
function aFolder(t: TestContext, files: Readonly<Record<string, string>>) {
  const dir = mkdtempSync(join(tmpdir(), 'steady-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
  const table = () => readFileSync(join(dir, 'out/table.md'), 'utf-8').split('\n').slice(2, -1);
  const steady = (args: readonly string[]) => {
    // Inside a test Node takes a `node --test` for a part of it.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const options = ['--dir', 'out', '--busy', '0'];
    const child = spawn(process.execPath, [SCRIPT, ...options, ...args], { cwd: dir, env });
    t.after(() => child.kill('SIGKILL'));
    return child;
  };
  const run = async (args: readonly string[]) => outcomeOf(steady(args));
  return { dir, run, steady, table };
}

async function outcomeOf(child: ChildProcess) {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once('close', resolve);
  const [stdout, stderr] = await Promise.all([child.stdout, child.stderr].map((one) => text(one ?? assert.fail())));
  return { code: await promise, stdout: stdout ?? '', stderr: stderr ?? '' };
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('npm run test:steady', { concurrency: true }, () => {
  test('runs each file as often as told, keeps what failed, and ends with 1', async (t) => {
    const { dir, run, table } = aFolder(t, { 'good.test.ts': GOOD, 'bad.test.ts': BAD });
    const { code, stdout } = await run(['--runs', '2', '*.test.ts']);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /^2 of 4 runs failed; the table is out\/table\.md\nbad\.test\.ts\n {2}a suite > bad$/m);
    assert.match(table()[0] ?? '', /^\| bad\.test\.ts \| \w{12} \| 0 \| 2 \| 2 \| .* \| a suite > bad \(2\) \|$/);
    assert.match(table()[1] ?? '', /^\| good\.test\.ts \| \w{12} \| 0 \| 2 \| 0 \|/);
    const kept = readdirSync(join(dir, 'out/failed'));
    assert.equal(kept.length, 2);
    for (const name of kept) assert.match(readFileSync(join(dir, 'out/failed', name), 'utf-8'), /so it is/);
  });

  test('goes on where it was, for as long as the file is the same', async (t) => {
    const { dir, run, table } = aFolder(t, { 'good.test.ts': GOOD });
    assert.match((await run(['--runs', '1', 'good.test.ts'])).stdout, /1 runs are left/);
    assert.match((await run(['--runs', '2', 'good.test.ts'])).stdout, /1 runs are left/);
    assert.match((await run(['--runs', '2', 'good.test.ts'])).stdout, /0 runs are left/);
    writeFileSync(join(dir, 'good.test.ts'), `${GOOD}// Another content.\n`);
    assert.match((await run(['--runs', '1', 'good.test.ts'])).stdout, /1 runs are left/);
    assert.equal(table().length, 2);
    assert.match((await run(['--runs', '1', '--afresh', 'good.test.ts'])).stdout, /1 runs are left/);
    assert.equal(table().length, 1);
  });

  test('is interrupted in the middle of a run, and ends it', async (t) => {
    const { run, steady, table } = aFolder(t, { 'a.test.ts': GOOD, 'b.test.ts': ENDLESS });
    const child = steady(['--runs', '1', '--busy', '1', '*.test.ts']);
    const ended = outcomeOf(child);
    await untilTrue('the first file to be over', () => {
      try {
        return table().length === 1;
      } catch {
        return false;
      }
    });
    child.kill('SIGINT');
    const { code, stdout } = await ended;
    assert.equal(code, 130);
    assert.match(stdout, /^interrupted; the same command goes on from here$/m);
    assert.match((await run(['--runs', '1', '--busy', '1', 'a.test.ts'])).stdout, /0 runs are left/);
  });

  for (const [args, problem] of [
    [['--runs', '0'], /--runs/],
    [['--runs', 'many'], /--runs/],
    [['--busy', '-1'], /--busy/],
    [['--limit', '1e3'], /--limit/],
    [['--loud'], /--loud/],
    [['none.test.ts'], /none\.test\.ts/],
  ] as const) {
    test(`${args.join(' ')}: 2, and what is wrong`, async (t) => {
      const { code, stdout, stderr } = await aFolder(t, {}).run(args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, problem);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  }

  test('--help names each option', async (t) => {
    const { code, stdout } = await aFolder(t, {}).run(['--help']);
    assert.equal(code, 0);
    for (const option of ['--runs', '--busy', '--limit', '--dir', '--afresh', 'FILE'])
      assert.ok(stdout.includes(option));
  });
});

describe('the load', () => {
  test('ends when it is told', async () => {
    const { pids, stop } = startLoad(2);
    assert.ok(pids.every(isAlive));
    stop();
    await untilTrue('it to end', () => !pids.some(isAlive));
  });

  test('ends with the process that started it, though that is killed', async (t) => {
    const code = `import { startLoad } from '${LOAD}'; process.stdout.write(startLoad(1).pids.join()); setInterval(() => {}, 1e6);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', code]);
    t.after(() => child.kill('SIGKILL'));
    const [pid] = await new Promise<number[]>((told) => child.stdout.once('data', (chunk) => told([Number(chunk)])));
    assert.ok(isAlive(pid ?? 0));
    child.kill('SIGKILL');
    await untilTrue('it to end', () => !isAlive(pid ?? 0));
  });
});

test('the table has a row for each file, content and load: the failures first, then the slowest', () => {
  const run = (file: string, durationMs: number, others: Partial<Run> = {}): Run => ({
    ...{ file, hash: 'h', busy: 2, durationMs, passed: true, failed: [] },
    ...others,
  });
  const runs = [
    ...[run('a', 1_000), run('a', 3_000), run('a', 2_000), run('b', 9_000)],
    ...[run('c', 100, { passed: false, failed: ['x | y'] }), run('a', 50, { hash: 'other' })],
  ];
  assert.deepEqual(tableOf(runs).split('\n').slice(2, -1), [
    '| c | h | 2 | 1 | 1 | 0.1 | 0.1 | x \\| y (1) |',
    '| b | h | 2 | 1 | 0 | 9.0 | 9.0 |  |',
    '| a | h | 2 | 3 | 0 | 3.0 | 2.0 |  |',
    '| a | other | 2 | 1 | 0 | 0.1 | 0.1 |  |',
  ]);
});
