import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { RehearsalRecord } from '../../rehearsal/evidence/record.ts';
import { freePorts } from '../../testkit/ports.ts';

const BIN = fileURLToPath(new URL('../../bin/reschedule-hook.js', import.meta.url));
const NODE_ONLY = dirname(process.execPath);

let folder: string;
/** Where what is rehearsed keeps its files. */
let tmp: string;
/** A kubectl that nobody must run. */
let withKubectl: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rehearse-command-'));
  tmp = join(folder, 'tmp');
  const bin = join(folder, 'bin');
  for (const dir of [tmp, bin]) await mkdir(dir);
  await writeFile(join(bin, 'kubectl'), '#!/bin/sh\nexit 99\n');
  await chmod(join(bin, 'kubectl'), 0o755);
  withKubectl = [NODE_ONLY, bin].join(delimiter);
});
after(() => rm(folder, { recursive: true, force: true }));

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [BIN, 'rehearse', '--period', '200ms', ...args], {
    env: { PATH: NODE_ONLY, TMPDIR: tmp, HOME: folder, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, code: new Promise<number | null>((resolve) => child.once('close', resolve)) };
}

async function rehearse(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { child, code } = start(args, env);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

/** Kills the hook when it has marked a pod. */
const BREAKS_OFF = `data:text/javascript,${encodeURIComponent(`
  import child_process from 'node:child_process';
  import { syncBuiltinESMExports } from 'node:module';
  const { spawn } = child_process;
  child_process.spawn = (...args) => {
    const child = spawn(...args);
    child.stdout.on('data', (text) => String(text).includes('Pod marked') && child.kill('SIGKILL'));
    return child;
  };
  syncBuiltinESMExports();
`)}`;

/** A kubeconfig with one context. */
async function aKubeconfig(name: string, server: string): Promise<string> {
  const file = join(folder, `${name}.kubeconfig`);
  const clusters = [{ name, cluster: { server } }];
  const contexts = [{ name, context: { cluster: name, user: name } }];
  await writeFile(file, JSON.stringify({ clusters, contexts, users: [{ name, user: { token: 't' } }] }));
  return file;
}

describe('what npm run rehearse cannot begin', () => {
  const cases: readonly [string, readonly string[], string][] = [
    ['an unknown scenario', ['--scenario', 'nobody'], 'there is no scenario "nobody"; see --list'],
    ['an unknown scenario among others', ['--scenario=swap,x'], 'there is no scenario "x"; see --list'],
    [
      'a kubectl that is not there',
      ['--drainer', 'kubectl'],
      'kubectl is not in the PATH: install it from https://kubernetes.io/docs/tasks/tools, or leave --drainer out',
    ],
    [
      'a kubectl that is not there, for a cluster that exists',
      ['--context=c', '--node=a', '--node=b', '--yes'],
      'kubectl is not in the PATH, and is what drains a cluster of yours: install it from https://kubernetes.io/docs/tasks/tools',
    ],
    ['a report in no folder', ['--report', '/none/a.html'], '--report /none/a.html cannot be written: no right'],
  ];
  for (const [what, args, line] of cases) {
    test(`${what}: one line, exit code 2`, async () => {
      const { code, stdout, stderr } = await rehearse(args);
      assert.equal(stdout, '');
      assert.ok(stderr.startsWith(`reschedule-hook: ${line}`) && stderr.indexOf('\n') === stderr.length - 1, stderr);
      assert.equal(code, 2);
    });
  }

  test('a cluster that does not answer: one line, exit code 2, to rehearse and to observe', async () => {
    const [port] = await freePorts(1);
    const file = await aKubeconfig('dead', `https://127.0.0.1:${port}`);
    const flags = ['--context=dead', `--kubeconfig=${file}`];
    const expected = `reschedule-hook: the cluster of context "dead" does not answer: GET /version: connect ECONNREFUSED 127.0.0.1:${port}\n`;
    for (const more of [['--node=a', '--node=b', '--yes'], ['--observe']]) {
      const { code, stdout, stderr } = await rehearse([...flags, ...more], { PATH: withKubectl });
      assert.deepEqual({ code, stdout, stderr }, { code: 2, stdout: '', stderr: expected });
    }
  });

  test('a control plane that cannot be had: one line, exit code 2, with scenarios too', async () => {
    for (const more of [[], ['--scenario', 'swap,in-place']]) {
      const env = { KUBEBUILDER_ASSETS: tmp };
      const { code, stderr } = await rehearse(['--control-plane', ...more], env);
      assert.match(
        stderr,
        /^reschedule-hook: KUBEBUILDER_ASSETS is \S+, which lacks etcd, .*: put them there, or .*\n$/,
      );
      assert.equal(code, 2);
    }
    assert.deepEqual(await readdir(tmp), []);
  });
});

describe('npm run rehearse', { concurrency: true }, () => {
  test('writes a record and a part of the page for each scenario', async () => {
    const report = join(folder, 'two.html');
    const env = { PATH: withKubectl };
    const args = ['--scenario=uid-drainer,dry-run', '--drainer=built-in', '--json', '--report', report];
    const { code, stdout, stderr } = await rehearse(args, env);
    assert.equal(code, 0, stderr);
    const records = JSON.parse(stdout) as RehearsalRecord[];
    assert.deepEqual(
      records.map(({ scenario, holds }) => [scenario.name, holds]),
      [
        ['uid-drainer', true],
        ['dry-run', true],
      ],
    );
    const page = await readFile(report, 'utf-8');
    assert.match(page, /<title>2 of 2 drain rehearsals safe<\/title>/);
    for (const { scenario } of records) assert.match(page, new RegExp(`<code>${scenario.name}</code>`));
    const [first, ...lines] = stderr.trimEnd().split('\n');
    assert.equal(first, 'Rehearsing 2 scenarios, 2 at a time');
    for (const line of lines.slice(0, 2))
      assert.match(line, /^✔ (dry-run|uid-drainer) +[\dms]+ {2}[12] of 2 {2}safe, (\d+) of \2 checks hold$/);
    assert.deepEqual(lines.slice(2, 4), ['2 of 2 safe', `report: ${report}`]);
    assert.match(lines[4] ?? '', /^took [\d.]+ s in all$/);
    assert.equal(lines.length, 5, 'no log of what is safe');
  });

  test('has exit code 1 where a check does not hold, and says so in the record', async () => {
    // This kubectl drains nothing.
    const { code, stdout, stderr } = await rehearse(['--drainer=kubectl', '--json'], { PATH: withKubectl });
    assert.equal(code, 1, stderr);
    const [record] = JSON.parse(stdout) as RehearsalRecord[];
    assert.equal(record?.holds, false);
    assert.match(
      stderr,
      /\n {2}[\d. ]+s {2}kubectl {2}exit code 99 +node-\d\n(?:[\s\S]*\n)?✘ NOT SAFE: \d of 8 checks hold, /,
      'with the log',
    );
    assert.ok(
      record.checks.flatMap(({ problems }) => problems).some((problem) => / ended with exit code 99$/.test(problem)),
    );
  });

  test('has a record and a page also where it breaks off', async () => {
    const report = join(folder, 'broken.html');
    const env = { PATH: withKubectl, NODE_OPTIONS: `--import=${BREAKS_OFF}` };
    const args = ['--drainer=built-in', '--json', '--report', report];
    const { code, stdout, stderr } = await rehearse(args, env);
    assert.equal(code, 1, stderr);
    const [record, ...others] = JSON.parse(stdout) as RehearsalRecord[];
    assert.equal(others.length, 0);
    assert.equal(record?.holds, false);
    const problem = 'it broke off: the hook ended with SIGKILL, and nobody had stopped it';
    assert.ok(record.checks[0]?.problems[0]?.startsWith(problem), JSON.stringify(record.checks));
    // What had been seen until then is in it.
    assert.ok(record.pods.length > 0);
    const page = await readFile(report, 'utf-8');
    assert.match(page, /<title>Not proven: /);
    assert.match(page, /it broke off: the hook ended with SIGKILL/);
    assert.match(stderr, /\n\? NOT PROVEN: it broke off, [\dms]+\n[\s\S]*\nproblem: +it broke off: /);
    assert.match(stderr, /hook +Pod marked for rescheduling /, 'the log until then');
  });

  test('takes everything back where nobody reads on', async () => {
    const { child, code } = start(['--verbose']);
    child.stdout.once('data', () => child.stdout.destroy());
    assert.equal(await text(child.stderr), 'reschedule-hook: nobody reads what is told\n');
    assert.equal(await code, 1);
  });
});

test('nothing of all that is left behind', async () => {
  assert.deepEqual(await readdir(tmp), []);
});
