import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { systemClock } from '../../src/async/system-clock.ts';
import { createApiClient } from '../../src/kube/client.ts';
import { openConnection, type ProxyEnvironment } from '../../src/kube/connection.ts';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import { readProxyEnvironment } from '../../src/kube/proxy-environment.ts';
import { type Authority, createAuthority } from '../../testkit/certificates.ts';
import { until } from '../../testkit/until.ts';
import { type Answering, anApiServer, answer } from '../support/api-server.ts';
import { serve } from '../support/loopback.ts';

let authority: Authority;

before(async () => {
  authority = await createAuthority();
});

const GET = { method: 'GET', path: '/' } as const;
/** Past the few seconds for which credentials are kept. */
const LATER_MS = 6_000;

/** An API server over TLS that tells what it saw of the caller; and a folder for kubeconfigs and what they name. */
async function aServer(t: TestContext, hosts?: readonly string[]) {
  const dir = mkdtempSync(join(tmpdir(), 'transport-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const tell: Answering = (response, { headers: { authorization }, certificate, tls, http }) =>
    answer(world.answer, { authorization, certificate, tls, http })(response);
  const server = await anApiServer(t, tell, await authority.issue(hosts && { hosts }));
  const world = Object.assign(server.world, { answer: 200 });
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text, { mode: 0o755 });
    return join(dir, name);
  };
  return { world, port: server.port, file };
}

/** A client over a real kubeconfig file, on a clock that the test moves. */
async function aClient(
  t: TestContext,
  { port, file }: { port: number; file: (name: string, text: string) => string },
  options: {
    user?: object;
    cluster?: object;
    proxies?: ProxyEnvironment;
    connectMs?: number;
    callTimeoutMs?: number;
  } = {},
) {
  const KUBECONFIG = file(
    'kubeconfig',
    JSON.stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [
        {
          name: 'c',
          cluster: {
            server: `https://127.0.0.1:${port}`,
            'certificate-authority-data': authority.caBundle,
            ...options.cluster,
          },
        },
      ],
      users: [{ name: 'u', user: options.user ?? { token: 't' } }],
    }),
  );
  const clock = { now: 0 };
  const connection = await openConnection(
    () => loadKubeConfig({ KUBECONFIG }),
    { ...systemClock, monotonicNow: () => clock.now },
    options.proxies,
    options.connectMs === undefined ? {} : { connectMs: options.connectMs },
  );
  t.after(() => connection.close());
  const client = createApiClient(
    connection,
    { ...systemClock, monotonicNow: () => clock.now },
    options.callTimeoutMs === undefined ? {} : { callTimeoutMs: options.callTimeoutMs },
  );
  return { client, clock };
}

/** A proxy for CONNECT that counts, and can take a connection without an answer. */
async function aProxy(t: TestContext) {
  const world = { tunnels: 0, isSilent: false };
  const server = createHttpServer();
  server.on('connect', (request, client) => {
    world.tunnels++;
    if (world.isSilent) return void client.on('error', () => undefined);
    const upstream = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    client.on('error', () => upstream.destroy());
    t.after(() => upstream.destroy());
  });
  const port = await serve(t, server);
  return { url: `http://127.0.0.1:${port}`, world };
}

describe('the transport, with real kubeconfigs over TLS', () => {
  test('a CA bundle and a bearer token; HTTP/1.1 over TLS 1.2 or later', async (t) => {
    const server = await aServer(t);
    const { client } = await aClient(t, server);
    const { authorization, tls, http } = await client.json(GET);
    assert.equal(authorization, 'Bearer t');
    assert.match(String(tls), /^TLSv1\.[23]$/);
    assert.equal(http, '1.1');
  });

  test('a server of another CA is refused', async (t) => {
    const server = await aServer(t);
    const other = await createAuthority();
    const { client } = await aClient(t, server, { cluster: { 'certificate-authority-data': other.caBundle } });
    await assert.rejects(client.json(GET), { name: 'ApiUnreachableError' });
  });

  test('a client certificate, and the renewed one without a restart', async (t) => {
    const server = await aServer(t);
    const write = async () => {
      const { cert, key } = await authority.issue();
      return { 'client-certificate': server.file('c.crt', cert), 'client-key': server.file('c.key', key) };
    };
    const { client, clock } = await aClient(t, server, { user: await write() });
    const first = (await client.json(GET)).certificate;
    assert.ok(first);
    clock.now += LATER_MS;
    assert.equal((await client.json(GET)).certificate, first);
    assert.ok(server.world.connections <= 2, 'the connections are kept while the certificate is the same');
    await write();
    clock.now += LATER_MS;
    const renewed = (await client.json(GET)).certificate;
    assert.ok(renewed && renewed !== first);
  });

  test('a token file, relative to the kubeconfig, that goes before the token; read again after a 401', async (t) => {
    const server = await aServer(t);
    server.file('token', 'one\n');
    const { client, clock } = await aClient(t, server, { user: { tokenFile: 'token', token: 'of the kubeconfig' } });
    assert.equal((await client.json(GET)).authorization, 'Bearer one');
    server.file('token', 'two\n');
    server.world.answer = 401;
    await assert.rejects(client.json(GET), { code: 401 });
    server.world.answer = 200;
    clock.now += 1;
    assert.equal((await client.json(GET)).authorization, 'Bearer two');
  });

  test('an exec plugin is asked for a token, and asked again after a 401', async (t) => {
    const server = await aServer(t);
    const counter = server.file('count', '');
    const credential =
      '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"T"}}';
    const command = server.file(
      'plugin',
      `#!/bin/sh\nprintf x >> ${counter}\necho '${credential}' | sed "s/T\\"/token-$(wc -c < ${counter})\\"/"\n`,
    );
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' };
    const { client, clock } = await aClient(t, server, { user: { exec } });
    const first = (await client.json(GET)).authorization;
    assert.match(String(first), /^Bearer token-\d+$/);
    server.world.answer = 401;
    await assert.rejects(client.json(GET), { code: 401 });
    server.world.answer = 200;
    clock.now += 1;
    const second = (await client.json(GET)).authorization;
    assert.match(String(second), /^Bearer token-\d+$/);
    assert.notEqual(second, first);
  });

  test('a proxy-url of the kubeconfig', async (t) => {
    const [server, proxy] = [await aServer(t), await aProxy(t)];
    const { client } = await aClient(t, server, { cluster: { 'proxy-url': proxy.url } });
    assert.equal((await client.json(GET)).authorization, 'Bearer t');
    assert.equal(proxy.world.tunnels, 1);
  });

  test('a proxy-url goes before HTTPS_PROXY, and neither NO_PROXY nor loopback takes the API server out of it', async (t) => {
    const [server, proxy] = [await aServer(t), await aProxy(t)];
    const proxies = readProxyEnvironment({ HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '*' });
    const { client } = await aClient(t, server, { cluster: { 'proxy-url': proxy.url }, proxies });
    assert.equal((await client.json(GET)).authorization, 'Bearer t');
    assert.equal(proxy.world.tunnels, 1);
  });

  test('a proxy that takes connections and does not answer: every call ends in its time', async (t) => {
    const [server, proxy] = [await aServer(t), await aProxy(t)];
    const cluster = { 'proxy-url': proxy.url };
    const { client } = await aClient(t, server, { cluster, callTimeoutMs: 100 });
    proxy.world.isSilent = true;
    const { signal } = new AbortController();
    await assert.rejects(client.json(GET), { name: 'ApiUnreachableError', message: /timeout/ });
    await assert.rejects(client.stream({ ...GET, signal }), { name: 'ApiUnreachableError', message: /timeout/ });
    await assert.rejects(client.json({ ...GET, signal: AbortSignal.abort(new Error('told to stop')) }), /told to stop/);
  });

  test('when it answers again, so does the API server, though more calls than there are connections hung', async (t) => {
    const [server, proxy] = [await aServer(t), await aProxy(t)];
    const cluster = { 'proxy-url': proxy.url };
    const { client } = await aClient(t, server, { cluster, connectMs: 200 });
    proxy.world.isSilent = true;
    const calls = Array.from({ length: 70 }, () => client.json(GET));
    await Promise.race(calls).catch(() => undefined);
    proxy.world.isSilent = false;
    const { http } = await until('an answer of the API server', () => client.json(GET));
    assert.equal(http, '1.1');
    await Promise.allSettled(calls);
  });

  test('an empty proxy-url is none', async (t) => {
    const { client } = await aClient(t, await aServer(t), { cluster: { 'proxy-url': '' } });
    assert.equal((await client.json(GET)).authorization, 'Bearer t');
  });

  test('HTTPS_PROXY, which finds the API server by its name', async (t) => {
    const [server, proxy] = [await aServer(t, ['api.example.invalid']), await aProxy(t)];
    const cluster = { server: `https://api.example.invalid:${server.port}` };
    const { client } = await aClient(t, server, { cluster, proxies: { httpsProxy: proxy.url } });
    assert.equal((await client.json(GET)).authorization, 'Bearer t');
    assert.equal(proxy.world.tunnels, 1);
  });

  /** This machine too, and yet not an address of its loopback, which no proxy is asked for. */
  const HERE = '0.0.0.0';

  for (const [what, env, tunnels] of [
    ['HTTPS_PROXY', (url: string) => ({ HTTPS_PROXY: url }), 1],
    ['HTTPS_PROXY and a network of NO_PROXY', (url: string) => ({ HTTPS_PROXY: url, NO_PROXY: '0.0.0.0/8' }), 0],
    ['HTTP_PROXY alone', (url: string) => ({ HTTP_PROXY: url }), 0],
  ] as const) {
    test(`${what}: ${tunnels === 0 ? 'past the proxy' : 'over it'}`, async (t) => {
      const [server, proxy] = [await aServer(t, [HERE]), await aProxy(t)];
      const cluster = { server: `https://${HERE}:${server.port}` };
      const { client } = await aClient(t, server, { cluster, proxies: readProxyEnvironment(env(proxy.url)) });
      assert.equal((await client.json(GET)).authorization, 'Bearer t');
      assert.equal(proxy.world.tunnels, tunnels);
    });
  }

  test('HTTPS_PROXY: loopback goes past the proxy', async (t) => {
    const [server, proxy] = [await aServer(t), await aProxy(t)];
    const { client } = await aClient(t, server, { proxies: readProxyEnvironment({ HTTPS_PROXY: proxy.url }) });
    assert.equal((await client.json(GET)).authorization, 'Bearer t');
    assert.equal(proxy.world.tunnels, 0);
  });
});
