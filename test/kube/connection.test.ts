import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { request } from 'undici';
import { openConnection } from '../../src/kube/connection.ts';

type Options = { headers?: Record<string, unknown>; auth?: string | null };

/** Without its deadline such a call would never end. */
const HANGS = { timeout: 10_000 };

/** A kubeconfig whose credentials the test changes; `reads` counts how often they were asked for. */
function aKubeConfig(server = 'https://10.0.0.1:6443///') {
  const world = {
    token: 'one',
    auth: undefined as string | undefined,
    reads: 0,
    loads: 0,
    broken: false,
    /** As an exec plugin that does not end. */
    hangs: false,
  };
  const load = () => {
    world.loads++;
    if (world.broken) throw new Error('ENOENT: no such file');
    return {
      getCurrentCluster: () => ({ server }),
      async applyToHTTPSOptions(options: Options) {
        world.reads++;
        if (world.hangs) await new Promise(() => undefined);
        options.headers = { ...options.headers, Authorization: `Bearer ${world.token}` };
        if (world.auth !== undefined) Object.assign(options, { auth: world.auth });
      },
    };
  };
  return { world, load };
}

describe('openConnection', () => {
  test('takes the server without its last slashes', async () => {
    const connection = await openConnection(aKubeConfig().load, () => 0);
    assert.equal(connection.server, 'https://10.0.0.1:6443');
    await connection.close();
  });

  test('reads the credentials anew at most every five seconds', async () => {
    let now = 0;
    const { world, load } = aKubeConfig();
    const connection = await openConnection(load, () => now);
    world.token = 'two';
    now = 5_000;
    assert.deepEqual((await connection.prepare()).headers, { Authorization: 'Bearer one' });
    assert.equal(world.reads, 1);
    now = 5_001;
    assert.deepEqual((await connection.prepare()).headers, { Authorization: 'Bearer two' });
    (await connection.prepare()).headers;
    assert.equal(world.reads, 2);
    assert.equal(world.loads, 1);
    await connection.close();
  });

  test('forgets them at once when it is told to', async () => {
    const { world, load } = aKubeConfig();
    const connection = await openConnection(load, () => 0);
    world.token = 'two';
    connection.forgetCredentials();
    assert.deepEqual((await connection.prepare()).headers, { Authorization: 'Bearer two' });
    assert.equal(world.loads, 2);
    await connection.close();
  });

  test('keeps the kubeconfig it has where it cannot be read again', async () => {
    const { world, load } = aKubeConfig();
    const connection = await openConnection(load, () => 0);
    world.broken = true;
    world.token = 'two';
    connection.forgetCredentials();
    assert.deepEqual((await connection.prepare()).headers, { Authorization: 'Bearer two' });
    await connection.close();
  });

  test('writes a user name and password as a header', async () => {
    const { world, load } = aKubeConfig();
    world.auth = 'user:secret';
    const connection = await openConnection(load, () => 0);
    const expected = `Basic ${Buffer.from('user:secret').toString('base64')}`;
    assert.deepEqual((await connection.prepare()).headers, { Authorization: expected });
    await connection.close();
  });

  test('gives up credentials that do not come, and asks for them anew', HANGS, async () => {
    let now = 0;
    const { world, load } = aKubeConfig();
    const connection = await openConnection(load, () => now, {}, { credentialsMs: 1 });
    world.hangs = true;
    now = 6_000;
    await assert.rejects(connection.prepare(), /no credentials for the API server within 0.001 s/);
    world.hangs = false;
    world.token = 'two';
    assert.deepEqual((await connection.prepare()).headers, { Authorization: 'Bearer two' });
    await connection.close();
  });

  test('fails where no credentials come at all', HANGS, async () => {
    const { world, load } = aKubeConfig();
    world.hangs = true;
    await assert.rejects(
      openConnection(load, () => 0, {}, { credentialsMs: 1 }),
      /no credentials/,
    );
  });

  test('gives up a server that accepts a connection and says nothing', HANGS, async (t) => {
    const silent = createServer();
    silent.on('connection', (socket) => t.after(() => socket.destroy()));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    t.after(() => silent.close());
    const { load } = aKubeConfig(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    const connection = await openConnection(load, () => 0, {}, { connectMs: 50 });
    const { dispatcher } = await connection.prepare();
    await assert.rejects(request(connection.server, { dispatcher }), { code: 'UND_ERR_CONNECT_TIMEOUT' });
    await connection.close();
  });

  test('fails where the kubeconfig fails', async () => {
    const { world, load } = aKubeConfig();
    world.broken = true;
    await assert.rejects(
      openConnection(load, () => 0),
      /ENOENT/,
    );
  });
});
