import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { request } from 'undici';
import { systemClock } from '../../src/async/system-clock.ts';
import { openConnection } from '../../src/kube/connection.ts';
import { proxyFor, readProxyEnvironment } from '../../src/kube/proxy-environment.ts';

type Options = { headers?: Record<string, unknown>; auth?: string | null };

/** Without its deadline such a call would never end. */
const HANGS = { timeout: 60_000 };

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
    const connection = await openConnection(aKubeConfig().load, systemClock);
    assert.equal(connection.server, 'https://10.0.0.1:6443');
    await connection.close();
  });

  test('reads the credentials anew at most every five seconds', async () => {
    let now = 0;
    const { world, load } = aKubeConfig();
    const connection = await openConnection(load, { ...systemClock, monotonicNow: () => now });
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
    const connection = await openConnection(load, systemClock);
    world.token = 'two';
    connection.forgetCredentials();
    assert.deepEqual((await connection.prepare()).headers, { Authorization: 'Bearer two' });
    assert.equal(world.loads, 2);
    await connection.close();
  });

  test('keeps the kubeconfig it has where it cannot be read again', async () => {
    const { world, load } = aKubeConfig();
    const connection = await openConnection(load, systemClock);
    world.broken = true;
    world.token = 'two';
    connection.forgetCredentials();
    assert.deepEqual((await connection.prepare()).headers, { Authorization: 'Bearer two' });
    await connection.close();
  });

  test('writes a user name and password as a header', async () => {
    const { world, load } = aKubeConfig();
    world.auth = 'user:secret';
    const connection = await openConnection(load, systemClock);
    const expected = `Basic ${Buffer.from('user:secret').toString('base64')}`;
    assert.deepEqual((await connection.prepare()).headers, { Authorization: expected });
    await connection.close();
  });

  test('gives up credentials that do not come, and asks for them anew', HANGS, async () => {
    let now = 0;
    const { world, load } = aKubeConfig();
    const connection = await openConnection(
      load,
      { ...systemClock, monotonicNow: () => now },
      {},
      { credentialsMs: 1 },
    );
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
    await assert.rejects(openConnection(load, systemClock, {}, { credentialsMs: 1 }), /no credentials/);
  });

  test('gives up a server that accepts a connection and says nothing', HANGS, async (t) => {
    const silent = createServer();
    silent.on('connection', (socket) => t.after(() => socket.destroy()));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    t.after(() => silent.close());
    const { load } = aKubeConfig(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    const connection = await openConnection(load, systemClock, {}, { connectMs: 50 });
    const { dispatchers } = await connection.prepare();
    await assert.rejects(request(connection.server, { dispatcher: dispatchers.read }), {
      code: 'UND_ERR_CONNECT_TIMEOUT',
    });
    await connection.close();
  });

  test('fails where the kubeconfig fails', async () => {
    const { world, load } = aKubeConfig();
    world.broken = true;
    await assert.rejects(openConnection(load, systemClock), /ENOENT/);
  });
});

const PROXY = 'http://proxy:3128';
const IN_A_POD = 'https://10.96.0.1:443';
const NAMED = 'https://api.example.com:6443';
const IPV6 = 'https://[fd00:10:96::1]:443';

/** What golang.org/x/net/http/httpproxy answers for the same variables, whose documentation the rows follow. */
describe('the proxy of the environment', () => {
  for (const [server, env, expected] of [
    [NAMED, {}, undefined],
    [NAMED, { HTTPS_PROXY: '' }, undefined],
    [NAMED, { HTTPS_PROXY: PROXY }, PROXY],
    [NAMED, { https_proxy: PROXY }, PROXY],
    [NAMED, { HTTPS_PROXY: PROXY, https_proxy: 'http://other' }, PROXY],
    [NAMED, { HTTPS_PROXY: '', https_proxy: PROXY }, PROXY],
    [NAMED, { HTTP_PROXY: PROXY, http_proxy: PROXY, ALL_PROXY: PROXY }, undefined],
    ['http://api.example.com', { HTTPS_PROXY: PROXY }, undefined],
    [NAMED, { HTTPS_PROXY: 'proxy:3128' }, PROXY],
    [NAMED, { HTTPS_PROXY: '10.0.0.9:3128' }, 'http://10.0.0.9:3128'],
    [NAMED, { HTTPS_PROXY: 'user:secret@proxy:3128' }, 'http://user:secret@proxy:3128'],
    [NAMED, { HTTPS_PROXY: 'socks5h://proxy' }, 'socks5://proxy'],
    ['https://localhost:6443', { HTTPS_PROXY: PROXY }, undefined],
    ['https://127.0.0.1:6443', { HTTPS_PROXY: PROXY }, undefined],
    ['https://127.9.9.9:6443', { HTTPS_PROXY: PROXY }, undefined],
    ['https://[::1]:6443', { HTTPS_PROXY: PROXY }, undefined],
    ['https://localhost.example', { HTTPS_PROXY: PROXY }, PROXY],
    ['', { HTTPS_PROXY: PROXY }, undefined],
    ['https://127.0.0.1', { HTTPS_PROXY: 'http://[' }, undefined],
  ] as const) {
    test(`${JSON.stringify(env)}: ${server} over ${expected ?? 'none'}`, () => {
      assert.equal(proxyFor(server, readProxyEnvironment(env)), expected);
    });
  }

  for (const [server, noProxy, isPast] of [
    [IN_A_POD, '*', true],
    [NAMED, 'x, * ,y', true],
    [NAMED, '*:6443', false],
    [IN_A_POD, '10.96.0.1', true],
    [IN_A_POD, '10.96.0.10', false],
    [IN_A_POD, '10.96.0.1:443', true],
    [IN_A_POD, '10.96.0.1:80', false],
    ['https://10.96.0.1', '10.96.0.1:443', true],
    [IN_A_POD, '10.96.0.0/12', true],
    [IN_A_POD, '192.168.0.0/16, 10.96.7.7/12', true],
    [IN_A_POD, '10.112.0.0/12', false],
    [IN_A_POD, '0.0.0.0/0', true],
    [IN_A_POD, '::/0', false],
    [IN_A_POD, '10.96.0.0/33', false],
    [IN_A_POD, '10.96.0.0/', false],
    [IN_A_POD, '10.96.0.0/12:443', false],
    [IN_A_POD, '10.', false],
    [IN_A_POD, '.1', false],
    [IPV6, 'fd00:10:96:0::1', true],
    [IPV6, '[fd00:10:96::1]:443', true],
    [IPV6, '[fd00:10:96::1]:80', false],
    [IPV6, '[fd00:10:96::1]', false],
    [IPV6, 'FD00:10:96::/112', true],
    [IPV6, 'fd00:10:97::/112', false],
    [IPV6, '0.0.0.0/0', false],
    [NAMED, 'example.com', true],
    [NAMED, 'API.Example.com', true],
    [NAMED, '.example.com', true],
    [NAMED, '*.example.com', true],
    [NAMED, '.api.example.com', false],
    [NAMED, '*.api.example.com', false],
    [NAMED, 'ample.com', false],
    [NAMED, '*ample.com', false],
    [NAMED, 'api', false],
    [NAMED, 'api.example.com.', false],
    [NAMED, 'example.com:6443', true],
    [NAMED, 'example.com:443', false],
    [NAMED, 'example.com:', true],
    [NAMED, 'other.example example.com', false],
    [NAMED, ',, :6443,', false],
    [NAMED, '0.0.0.0/0,::/0', false],
    ['https://api.xn--bcher-kva.example', 'bücher.example', true],
    ['https://api.example.com.', 'bücher:]', false],
    ['https://api.svc', '.svc,.cluster.local', true],
  ] as const) {
    test(`NO_PROXY=${noProxy}: ${server} goes ${isPast ? 'past the proxy' : 'over it'}`, () => {
      const proxies = readProxyEnvironment({ HTTPS_PROXY: PROXY, NO_PROXY: noProxy });
      assert.equal(proxyFor(server, proxies), isPast ? undefined : PROXY);
    });
  }

  test('NO_PROXY goes before no_proxy', () => {
    const both = { HTTPS_PROXY: PROXY, NO_PROXY: 'x', no_proxy: '*' };
    assert.equal(proxyFor(NAMED, readProxyEnvironment(both)), PROXY);
  });

  for (const value of ['http://[', 'ftp://user:secret@proxy', 'http://a b']) {
    test(`HTTPS_PROXY=${value} is an error that names it and does not tell the password`, () => {
      assert.throws(() => proxyFor(NAMED, readProxyEnvironment({ HTTPS_PROXY: value })), {
        message: 'HTTPS_PROXY is no URL of an http, https or socks5 proxy',
      });
    });
  }
});
