import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { COMMANDS } from '../bin/commands.ts';
import { readConfig } from '../src/config/config.ts';
import { describeProfiles } from '../src/config/profiles/describe-profiles.ts';
import { createAuthority } from '../testkit/certificates.ts';
import { HOOK_ENTRY } from '../testkit/hook-process.ts';

const ROOT = new URL('..', import.meta.url).pathname;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end, with nothing in its environment but what is given, and what Node has compiled before. */
async function run(
  args: readonly string[],
  env: Record<string, string> = {},
  node = process.execPath,
): Promise<Outcome> {
  const { NODE_COMPILE_CACHE } = process.env;
  const child = spawn(node, [...args], {
    env: { PATH: '', NODE_COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { promise: closed, resolve } = Promise.withResolvers<number | null>();
  child.on('close', resolve);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await closed, stdout, stderr };
}

const hook = (args: readonly string[] = [], env: Record<string, string> = {}) => run([HOOK_ENTRY, ...args], env);

function aHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'bin-'));
  t.after(() => rmSync(home, { recursive: true }));
  return home;
}

/** A Node that is too old, if this machine has one: the checkout brings its own and leaves the system's alone. */
function oldNode(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return folders
    .map((folder) => join(folder, 'node'))
    .find((node) => {
      const { stdout, status } = spawnSync(node, ['--version'], { encoding: 'utf-8' });
      return status === 0 && Number(/^v(\d+)/.exec(stdout)?.[1]) < 24;
    });
}

describe('a Node that is too old', () => {
  for (const version of ['18.20.0', '22.19.0', '24.11.1']) {
    test(`says which one it needs: ${version}`, async () => {
      const pretend = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'});Object.defineProperty(process,'version',{value:'v${version}'})`;
      const { code, stdout, stderr } = await run(['--import', pretend, HOOK_ENTRY]);
      const expected =
        `reschedule-hook needs Node 24.12 or later; this is v${version}. ` +
        'In a checkout, "npm ci" brings one and "npm start" uses it.\n';
      assert.deepEqual([code, stdout, stderr], [2, '', expected]);
    });
  }

  const node = oldNode();
  if (node !== undefined) {
    test(`${node} can read the program that tells it so`, async () => {
      const { code, stderr } = await run([HOOK_ENTRY], {}, node);
      const version = execFileSync(node, ['--version'], { encoding: 'utf-8' }).trim();
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`^reschedule-hook needs Node 24\\.12 or later; this is ${version}\\..*\n$`));
    });
  }

  test('is what package.json calls too old', () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf-8'));
    assert.equal(engines.node, '>=24.12.0');
  });
});

describe('arguments', () => {
  for (const flag of ['--help', '-h']) {
    test(`${flag} names every setting and its default`, async () => {
      const { code, stdout, stderr } = await hook([flag]);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^Usage: reschedule-hook /m);
      for (const name of ['POD_LABEL_SELECTOR', 'TRACKING_RESOURCE_TYPE', 'STALL_AFTER', 'TLS_CERT_FILE']) {
        assert.match(stdout, new RegExp(`^  ${name}$`, 'm'));
      }
      assert.match(stdout, /\(15m\)/);
    });
  }

  test('--version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf-8'));
    assert.deepEqual(await hook(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  for (const [args, problem] of [
    [['--verbose'], "unknown option '--verbose'; see --help"],
    [['server'], "unknown command 'server' (did you mean serve?); see --help"],
    [['serve', '--loud'], "unknown option '--loud'; see --help"],
    [['toString'], "unknown command 'toString'; see --help"],
    [['statsu'], "unknown command 'statsu' (did you mean status?); see --help"],
    [['--help', '--version'], 'give --help or --version, not both'],
    [['--check', '--version'], 'give --version or --check, not both'],
    [[''], "unknown command ''; see --help"],
    [
      ['--versoin', '--loud'],
      "unknown option '--versoin' (did you mean --version?); unknown option '--loud'; see --help",
    ],
  ] as const) {
    test(`${JSON.stringify(args)} is wrong`, async () => {
      assert.deepEqual(await hook(args), { code: 2, stdout: '', stderr: `reschedule-hook: ${problem}\n` });
    });
  }
});

test('a reader that goes early, as `head` does, is no fault', async () => {
  for (const args of [['--help'], ['profiles', '-o', 'json'], ['status', '--help']]) {
    const child = spawn(process.execPath, [HOOK_ENTRY, ...args], {
      env: { PATH: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    const closed = once(child, 'close');
    assert.deepEqual([await text(child.stderr), await closed], ['', [0, null]], args.join(' '));
  }
});

describe('every command', () => {
  for (const name of Object.keys(COMMANDS)) {
    test(`${name} is in the help, has a help of its own, and ends in 2 for what it does not know`, async () => {
      const [all, own, wrong] = await Promise.all([hook(['--help']), hook([name, '--help']), hook([name, '--bogus'])]);
      assert.match(all.stdout, new RegExp(`^ {2}${name} +\\w`, 'm'));
      assert.deepEqual([own.code, own.stderr], [0, '']);
      assert.ok(own.stdout.startsWith(`Usage: reschedule-hook ${name} [options]`), own.stdout.slice(0, 100));
      assert.match(own.stdout, /^Exit code: 0 /m);
      assert.deepEqual([wrong.code, wrong.stdout], [2, '']);
      assert.match(wrong.stderr, /^reschedule-hook: unknown option '--bogus'; see --help\n$/);
    });
  }

  test('serve is what runs without a command', async (t) => {
    const env = { HOME: aHome(t), LOG_LEVEL: 'loud' };
    assert.deepEqual(await hook(['serve'], env), await hook([], env));
  });
});

describe('--check', () => {
  test('settings that are right: 0, without a cluster or a certificate', async () => {
    const { code, stdout, stderr } = await hook(['--check'], { CERTIFICATES: 'self', LOG_LEVLE: 'debug' });
    assert.deepEqual([code, stdout], [0, `the settings are right\n${describeProfiles(readConfig({}).profiles)}`]);
    assert.equal(stderr, 'reschedule-hook: LOG_LEVLE is not a setting; LOG_LEVEL is\n');
  });

  test('settings that are wrong: 2, and every problem', async () => {
    const env = { LOG_LEVEL: 'loud', DRAIN_TAINTS: 'a;b,c', STALL_AFTR: '1h' };
    const { code, stdout, stderr } = await hook(['--check'], env);
    assert.deepEqual([code, stdout], [2, '']);
    assert.deepEqual(stderr.split('\n').slice(0, -1), [
      'reschedule-hook: STALL_AFTR is not a setting; STALL_AFTER is',
      'reschedule-hook: DRAIN_TAINTS has "a;b", which is not a taint; write key, key:Effect, key=value:Effect or prefix/',
      'reschedule-hook: LOG_LEVEL is "loud"; it must be debug or info or warn or error',
    ]);
  });
});

describe('profiles', () => {
  test('those that the settings put in force, as text and as a file of profiles', async () => {
    const [text, json] = await Promise.all([
      hook(['profiles'], { PROFILES: 'aerospike' }),
      hook(['profiles', '-o', 'json'], { PROFILES: 'aerospike' }),
    ]);
    assert.equal(text.stdout, describeProfiles(readConfig({ PROFILES: 'aerospike' }).profiles));
    const folder = mkdtempSync(join(tmpdir(), 'reschedule-hook-profiles-'));
    try {
      const file = join(folder, 'profiles.yaml');
      writeFileSync(file, json.stdout);
      assert.equal((await hook(['profiles'], { PROFILES_FILE: file })).stdout, text.stdout);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('what is wrong is named, with the fix, and the exit code is 2', async () => {
    const { code, stdout, stderr } = await hook(['profiles'], { PROFILES: 'kafka', PROFILES_FILE: '/none.yaml' });
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^reschedule-hook: PROFILES_FILE cannot be read: ENOENT/);
  });
});

test('the exit code is the same if nobody reads what is said', async () => {
  const env = { PATH: '', LOG_LEVEL: 'loud' };
  const child = spawn(process.execPath, [HOOK_ENTRY, '--check'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  child.stderr.destroy();
  assert.deepEqual(await once(child, 'exit'), [2, null]);
});

describe('a configuration that is wrong', () => {
  test('has every problem named, and nothing started', async (t) => {
    const home = aHome(t);
    const { code, stdout, stderr } = await hook([], {
      HOME: home,
      TRACK_RESCHEDULED_PODS: 'yes',
      TRACKING_RESOURCE_TYPE: 'pod',
      STALL_AFTER: '15',
      WEBHOOK_PORT: '70000',
      LOG_LEVEL: 'loud',
    });
    assert.deepEqual([code, stdout], [2, '']);
    assert.deepEqual(stderr.split('\n').sort(), [
      '',
      '  LOG_LEVEL is "loud"; it must be debug or info or warn or error',
      '  STALL_AFTER is wrong: "15" is not a duration; write it like 90s, 15m or 1h',
      '  TRACKING_RESOURCE_TYPE is "pod"; it must be couchbasecluster or namespace or configmap',
      '  TRACK_RESCHEDULED_PODS is "yes"; it must be true or false',
      '  WEBHOOK_PORT is "70000"; it must be a port from 0 to 65535',
      `  no cluster: set KUBECONFIG, or create ${join(home, '.kube/config')}, or run in a pod with a ServiceAccount`,
      'reschedule-hook: the configuration is wrong',
    ]);
  });

  test('of a hook that keeps ConfigMaps names the namespace that it has to know', async (t) => {
    const { code, stderr } = await hook([], { HOME: aHome(t), TRACKING_RESOURCE_TYPE: 'configmap' });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /POD_NAMESPACE is not set, .* entries in ConfigMaps are kept in the namespace of the hook: set it/,
    );
  });

  test('is named by the name that was set, also the misspelt one of the reference', async () => {
    const { code, stderr } = await hook([], { TRACK_RESCHEULED_PODS: 'constructor' });
    assert.equal(code, 2);
    assert.match(stderr, /^ {2}TRACK_RESCHEULED_PODS is "constructor"; it must be true or false$/m);
  });
});

describe('what is missing', () => {
  test('the certificate and the cluster, together: the setting, the file and why', async (t) => {
    const home = aHome(t);
    const env = { HOME: home, TLS_CERT_FILE: join(home, 'tls.crt'), TLS_KEY_FILE: HOOK_ENTRY };
    const { code, stdout, stderr } = await hook([], env);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(
      stderr,
      /^reschedule-hook: cannot start\n {2}TLS_CERT_FILE: cannot read .*tls\.crt: ENOENT: [^\n]*\n {2}no cluster: set KUBECONFIG, /,
    );
  });

  test('the certificate, in a pod: none is made up there', async (t) => {
    const env = { HOME: aHome(t), KUBERNETES_SERVICE_HOST: '127.0.0.1', POD_NAMESPACE: 'default' };
    const { code, stderr } = await hook([], env);
    assert.equal(code, 2);
    assert.match(stderr, /^ {2}TLS_CERT_FILE: cannot read \/etc\/webhook\/certs\/tls\.crt/m);
  });

  test('the namespace, for certificates of its own: the setting that says it', async (t) => {
    const { code, stdout, stderr } = await hook([], { HOME: aHome(t), CERTIFICATES: 'self' });
    assert.deepEqual([code, stdout], [2, '']);
    // A pod that runs this test knows its namespace, and goes on to what is missing next.
    const isPod = existsSync('/var/run/secrets/kubernetes.io/serviceaccount/namespace');
    assert.match(
      stderr,
      isPod ? /cannot start\n {2}no cluster/ : /^ {2}POD_NAMESPACE is not set, .*: set it, in a pod from/m,
    );
  });

  test('the cluster: where it was looked for', async (t) => {
    const home = aHome(t);
    const { cert, key } = await (await createAuthority()).issue();
    const env = { HOME: home, TLS_CERT_FILE: join(home, 'tls.crt'), TLS_KEY_FILE: join(home, 'tls.key') };
    writeFileSync(env.TLS_CERT_FILE, cert);
    writeFileSync(env.TLS_KEY_FILE, key);
    const { code, stdout, stderr } = await hook([], env);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^reschedule-hook: cannot start\n {2}no cluster: set KUBECONFIG, [^\n]*\n$/);
  });
});

describe('reschedule-hook status', () => {
  test('--help says what it needs and which codes it ends with', async () => {
    const { code, stdout, stderr } = await hook(['status', '--help']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^Usage: reschedule-hook status/);
    assert.match(
      stdout,
      /Exit code: 0 if it was shown, or the hook is registered; 1 if it is not registered in time; 2 if it could not begin/,
    );
  });

  for (const [args, message] of [
    [['--bogus'], /--bogus/],
    [['-o', 'yaml'], /it must be table or json/],
    [['--selector', '=x'], /POD_LABEL_SELECTOR/],
  ] as const) {
    test(`${args.join(' ')}: 2, and what is wrong`, async () => {
      const { code, stdout, stderr } = await hook(['status', ...args]);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
    });
  }

  test('no cluster: 2, and what to do', async (t) => {
    const { code, stderr } = await hook(['status'], { HOME: aHome(t) });
    assert.equal(code, 2);
    assert.match(stderr, /^reschedule-hook: no cluster: set KUBECONFIG/);
  });
});
