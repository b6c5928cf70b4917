import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../../src/kube/errors.ts';
import { parseFlags } from '../../src/status/flags.ts';
import { settingsInForce } from '../../src/status/settings.ts';
import { aCluster, DEPLOYMENTS, deployment, REGISTRATIONS, registration } from '../preflight/scene.ts';
import type { FakeApi } from '../support/api.ts';

const MINUTE = 60_000;

interface World {
  readonly vars?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly change?: (cluster: FakeApi) => void;
}

async function inForce(args: readonly string[], { vars = {}, env = {}, change = () => undefined }: World = {}) {
  const client = aCluster();
  const set = Object.entries(vars).map(([name, value]) => ({ name, value }));
  client.lists.set(DEPLOYMENTS, [deployment(set)]);
  change(client);
  const found = await settingsInForce(parseFlags(args), { client, env, readFile: () => '' });
  const { profiles, installation, retentionMs } = found.settings;
  const [first] = profiles;
  const told = { names: profiles.map(({ name }) => name), mark: first?.mark?.key };
  return { ...found, ...told, retentionMs, own: installation, calls: client.calls };
}

const VARS = { PROFILES: 'strimzi-kafka', TRACKING_RETENTION: '7m' };
const noDeployment = (cluster: FakeApi) => void cluster.lists.set(DEPLOYMENTS, []);
const forbidden = (cluster: FakeApi) => {
  cluster.before = (_, { path }) => {
    if (path === REGISTRATIONS) throw new ApiError(403, `GET ${path}`, { message: 'forbidden' });
  };
};

describe('the settings of status', () => {
  test('are those of the Deployment that answers, and not those around the command', async () => {
    const { names, retentionMs, settingsFrom, installation, own } = await inForce([], {
      vars: VARS,
      env: { PROFILES: 'couchbase' },
    });
    assert.deepEqual([names, retentionMs], [['strimzi-kafka'], 7 * MINUTE]);
    assert.deepEqual([settingsFrom, installation, own], ['Deployment hooks/hook', 'ours', 'ours']);
  });

  test('flags come before them, the others stay, and that is said', async () => {
    const { names, mark, retentionMs, settingsFrom } = await inForce(
      ['--selector', 'app=x', '--annotation', 'example.com/move=now', '--tracking', 'off'],
      { vars: VARS },
    );
    assert.deepEqual([names.length, mark, retentionMs], [1, 'example.com/move', 7 * MINUTE]);
    assert.equal(settingsFrom, 'Deployment hooks/hook, and --selector, --annotation, --tracking');
  });

  test('in a pod of the hook are its own, and nothing is read but the registration', async () => {
    const env = { ...VARS, POD_NAME: 'hook-1', POD_NAMESPACE: 'hooks' };
    const { names, settingsFrom, calls, own } = await inForce([], { env, change: noDeployment });
    assert.deepEqual([names, settingsFrom, own], [['strimzi-kafka'], 'the environment of this pod', 'ours']);
    assert.deepEqual(calls, [`GET ${REGISTRATIONS}`]);
    const elsewhere = await inForce(['--context', 'other'], { env });
    assert.equal(elsewhere.settingsFrom, 'Deployment hooks/hook');
  });

  for (const [what, change, why] of [
    ['there is no Deployment', noDeployment, /there is no Deployment hooks\/hook/],
    ['registrations may not be listed', forbidden, /forbidden/],
  ] as const) {
    test(`are never a guess where ${what}`, async () => {
      await assert.rejects(inForce([], { change }), why);
      await assert.rejects(inForce(['--tracking', 'off'], { change }), /say which pods it protects/);
    });

    test(`are those that the command was told where ${what}`, async () => {
      for (const [args, env] of [
        [['--selector', 'app=x'], {}],
        [[], { PROFILES: 'strimzi-kafka' }],
      ] as const) {
        const { settingsFrom, names } = await inForce(args, { env, change });
        assert.match(settingsFrom, /^the flags and the environment of this command, else defaults \(.*/);
        assert.match(settingsFrom, why);
        assert.equal(names.length, 1);
      }
    });
  }

  test('where nobody answers: what was not read, whatever the command was told', async () => {
    const change = (cluster: FakeApi) => cluster.leave();
    await assert.rejects(
      inForce(['--selector', 'app=x'], { change }),
      /^Error: the settings .* cannot be read: .*ECONNREFUSED/,
    );
  });

  test('of one of several hooks need its name', async () => {
    const change = (cluster: FakeApi) => {
      const both = [registration(), registration([], { name: 'other' })];
      cluster.lists.set(REGISTRATIONS, both);
      cluster.put(`${REGISTRATIONS}/ours`, registration());
    };
    for (const args of [[], ['--selector', 'app=x']]) {
      await assert.rejects(inForce(args, { change }), /choose one with --installation \(ours, other\)$/);
    }
    assert.equal((await inForce(['--installation', 'ours'], { change })).own, 'ours');
  });
});
