import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { systemClock } from '../../src/async/system-clock.ts';
import { LOG } from '../../src/log/messages.ts';
import { createAccessCheck, openClientCa } from '../../src/server/client-certificates.ts';
import { createWebhookServer, useCertificate } from '../../src/server/https-server.ts';
import {
  aChain,
  aGuarded,
  client,
  clients,
  ended,
  forServers,
  others,
  own,
  serving,
  stranger,
} from '../support/guarded.ts';
import { aLog } from '../support/log.ts';
import { serve } from '../support/loopback.ts';
import { mockTime, NEVER_MS } from '../support/time.ts';

const errorOf = ({ body }: { body: string }) => JSON.parse(body).error;

describe('a review over a connection without the right client certificate', () => {
  test('none: 401 with a clear error, one log line, and nobody decides anything', async (t) => {
    const { ask, asked, log } = await aGuarded(t);
    const answer = await ask(undefined);
    const error = 'a client certificate is required';
    assert.deepEqual([answer.status, JSON.parse(answer.body), answer.connection], [401, { error }, 'close']);
    const fields = { status: 401, error, method: 'POST', path: '/eviction', client: '127.0.0.1' };
    assert.deepEqual(log.lines, [{ level: 'warn', message: LOG.badRequest, fields }]);
    assert.deepEqual(asked, []);
  });

  for (const [what, pair, error] of [
    ['of another authority', stranger, /^the client certificate is not accepted: /],
    ['that has ended', ended, /EXPIRED/],
    ['that is for servers', forServers, /not accepted: INVALID_PURPOSE/],
  ] as const) {
    test(`one ${what}: 401`, async (t) => {
      const { ask, asked, log } = await aGuarded(t);
      const answer = await ask(pair);
      assert.equal(answer.status, 401, answer.body);
      assert.match(errorOf(answer), error);
      assert.deepEqual([asked, log.lines.length], [[], 1]);
    });
  }

  test('the body is not looked at: a review that is none is 401 too', async (t) => {
    const { ask } = await aGuarded(t);
    assert.equal((await ask(undefined, { headers: { 'content-type': 'text/plain' } })).status, 401);
  });
});

describe('with the right client certificate', () => {
  test('a review is answered, and probes need none', async (t) => {
    const { ask, asked } = await aGuarded(t);
    assert.equal((await ask(client)).status, 200);
    assert.equal(asked.length, 1);
    assert.equal((await ask(undefined, { method: 'GET', path: '/readyz' })).status, 200);
  });

  test('its intermediates may come along, in any order, or be in the file', async (t) => {
    const { root, between, leaf } = await aChain(2);
    const { ask, change } = await aGuarded(t, ['kube-apiserver'], root);
    const withThem = (certs: readonly string[]) => ({ ...leaf, cert: [leaf.cert, ...certs].join('') });
    assert.equal((await ask(withThem(between))).status, 200);
    assert.equal((await ask(withThem(between.toReversed()))).status, 200);
    assert.equal((await ask(leaf)).status, 401);
    change([root, ...between].join(''));
    assert.equal((await ask(leaf)).status, 200);
  });

  test('the names that may ask are a common name or a DNS name, and not a part of either', async (t) => {
    const { ask } = await aGuarded(t, ['kube-apiserver', 'api.example']);
    const named = (name: string, hosts: string[] = []) => clients.issue({ usage: 'client', name, hosts });
    assert.equal((await ask(client)).status, 200);
    assert.equal((await ask(await named('x', ['api.example']))).status, 200);
    for (const [name, ...hosts] of [
      ['kube-apiserver-kubelet-client'],
      ['x, CN=kube-apiserver'],
      ['x\nCN=kube-apiserver'],
      ['x', '*.example', 'y.api.example'],
      ['x', 'a.example, DNS:api.example'],
    ] as const) {
      const answer = await ask(await named(name, hosts));
      assert.equal(answer.status, 403, JSON.stringify([name, ...hosts]));
      assert.equal(errorOf(answer), 'the client certificate has none of the names that may ask');
    }
  });
});

describe('when the authorities change', () => {
  test('an open connection is verified anew: one that is still good goes on, another is refused', async (t) => {
    const { ask, change } = await aGuarded(t);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    assert.equal((await ask(client, { agent })).status, 200);
    change(`${others.ca}${clients.ca}`);
    assert.equal((await ask(client, { agent })).status, 200);
    change(others.ca);
    assert.equal((await ask(client, { agent })).status, 401);
    assert.equal((await ask(stranger)).status, 200);
  });

  test('one that has not asked yet is verified by them, whatever its handshake was worth', async (t) => {
    const { askOver, port, server, change } = await aGuarded(t);
    const handshake = once(server, 'secureConnection');
    const socket = connect({ host: '127.0.0.1', port, ca: own.ca, ...client });
    t.after(() => socket.destroy());
    await handshake;
    change(others.ca);
    assert.equal((await askOver(socket)).status, 401);
  });

  test('and so is one whose handshake was under way', async (t) => {
    const { askOver, port, server, change } = await aGuarded(t);
    const accepted = once(server, 'connection');
    const tcp = connectTcp(port, '127.0.0.1');
    t.after(() => tcp.destroy());
    await accepted;
    change(others.ca);
    assert.equal((await askOver(connect({ socket: tcp, ca: own.ca, ...client }))).status, 401);
  });

  test('and so is one that has asked only what everybody may', async (t) => {
    const { ask, change } = await aGuarded(t);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    assert.equal((await ask(client, { agent, method: 'GET', path: '/readyz' })).status, 200);
    change(others.ca);
    assert.equal((await ask(client, { agent })).status, 401);
  });

  test('an intermediate keeps a connection if it is in the file, else the next connection is right again', async (t) => {
    const { root, between, leaf } = await aChain(1);
    const pair = { ...leaf, cert: [leaf.cert, ...between].join('') };
    for (const [next, statuses] of [
      [`${others.ca}${root}${between.join('')}`, [200, 200]],
      [`${others.ca}${root}`, [401, 200]],
      [others.ca, [401, 401]],
    ] as const) {
      const { ask, change } = await aGuarded(t, [], root);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.after(() => agent.destroy());
      assert.equal((await ask(pair, { agent })).status, 200);
      change(next);
      const answers = [await ask(pair, { agent }), await ask(pair, { agent })];
      assert.deepEqual(
        answers.map(({ status }) => status),
        statuses,
      );
    }
  });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`a session is not resumed, with ${maxVersion}`, async (t) => {
      const { ask } = await aGuarded(t);
      const agent = new Agent({ maxCachedSessions: 10, maxVersion });
      t.after(() => agent.destroy());
      assert.equal((await ask(client, { agent })).isReused, false);
      assert.equal((await ask(client, { agent })).isReused, false);
    });
  }
});

describe('the verdict on a connection', () => {
  /** A connection that passed its handshake; counts how often its certificate was fetched. */
  function aConnection(pem: string) {
    const world = { fetched: 0 };
    const getPeerX509Certificate = () => {
      world.fetched++;
      return new X509Certificate(pem);
    };
    return { world, request: { socket: { authorized: true, getPeerX509Certificate } as unknown as TLSSocket } };
  }

  test('is found once, and anew when the authorities have changed', () => {
    const bundle = { pem: clients.ca };
    const mayAsk = createAccessCheck({ current: () => bundle.pem, verifiedBy: () => undefined }, ['kube-apiserver']);
    const { world, request } = aConnection(client.cert);
    for (let i = 0; i < 3; i++) assert.equal(mayAsk(request), undefined);
    assert.equal(world.fetched, 1);
    bundle.pem = others.ca;
    for (let i = 0; i < 3; i++) assert.equal(mayAsk(request)?.status, 401);
    assert.equal(world.fetched, 2);
    bundle.pem = `${others.ca}${clients.ca}`;
    assert.equal(mayAsk(request), undefined);
    assert.equal(world.fetched, 3);
  });

  test('is that of each connection: one that is refused does not stand for another', () => {
    const mayAsk = createAccessCheck({ current: () => clients.ca, verifiedBy: () => undefined }, ['kube-apiserver']);
    for (const [pem, status] of [
      [client.cert, undefined],
      [stranger.cert, 401],
      [forServers.cert, 403],
      [client.cert, undefined],
    ] as const) {
      const { request } = aConnection(pem);
      assert.deepEqual([mayAsk(request)?.status, mayAsk(request)?.status], [status, status]);
    }
  });
});

describe('openClientCa', () => {
  function aFile(t: TestContext, content: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'client-ca-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'ca.crt');
    writeFileSync(file, content);
    return file;
  }

  test('reads the authorities, and says when the last of them ends', async (t) => {
    const source = await openClientCa(
      aFile(t, `# two\n${clients.ca}\n${others.ca}${serving.cert}`),
      aLog(),
      systemClock,
    );
    assert.equal(source.current(), `${clients.ca}${others.ca}`);
    assert.equal(source.expiries()[0]?.certificate, 'client-ca');
  });

  for (const [what, content] of [
    ['nothing', ''],
    ['rubbish', 'rubbish'],
    ['a certificate that is no authority', serving.cert],
  ] as const) {
    test(`refuses ${what}: it would lock everybody out`, async (t) => {
      const file = aFile(t, content);
      await assert.rejects(openClientCa(file, aLog(), systemClock), {
        message: `CLIENT_CA_FILE ${file} holds no certificate of an authority`,
      });
    });
  }

  test('names the setting where the file cannot be read', async () => {
    await assert.rejects(
      openClientCa('/nowhere/ca.crt', aLog(), systemClock),
      /CLIENT_CA_FILE: cannot read \/nowhere\/ca.crt/,
    );
  });

  test('takes a change, keeps what it has while the file is wrong, and says so once', async (t) => {
    const file = aFile(t, clients.ca);
    const { advance } = mockTime(t);
    const log = aLog();
    const source = await openClientCa(file, log, systemClock);
    let changes = 0;
    source.start(() => changes++);
    t.after(() => source.stop());
    const lookUntil = async (condition: () => boolean, what: string) => {
      const giveUpAt = performance.now() + NEVER_MS;
      while (!condition() && performance.now() < giveUpAt) await advance(5_000);
      assert.ok(condition(), `never came: ${what}`);
    };
    writeFileSync(file, '');
    await lookUntil(() => log.lines.length === 1, 'the warning');
    assert.deepEqual([log.messages('warn'), source.current()], [[LOG.clientCaFailed], clients.ca]);
    writeFileSync(file, others.ca);
    await lookUntil(() => changes === 1, 'the change');
    assert.equal(source.current(), others.ca);
    assert.ok(log.messages('info').includes(LOG.clientCaLoaded));
  });
});

describe('the webhook port', () => {
  test('speaks TLS 1.2 and up, and nothing older', async (t) => {
    const { port } = await aGuarded(t);
    const handshake = async (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') => {
      const options = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT:@SECLEVEL=0' };
      const socket = connect({ host: '127.0.0.1', port, ca: own.ca, ...options });
      t.after(() => socket.destroy());
      await once(socket, 'secureConnect');
      return socket.getProtocol();
    };
    assert.equal(await handshake('TLSv1.2'), 'TLSv1.2');
    assert.equal(await handshake('TLSv1.3'), 'TLSv1.3');
    await assert.rejects(handshake('TLSv1.1'), /alert protocol version|ECONNRESET/);
  });

  test('does not negotiate anew: a certificate that nobody has verified could take the place of one that was', async (t) => {
    const { port } = await aGuarded(t);
    const socket = connect({ host: '127.0.0.1', port, ca: own.ca, ...client, maxVersion: 'TLSv1.2' });
    t.after(() => socket.destroy());
    await once(socket, 'secureConnect');
    const { promise: outcome, resolve } = Promise.withResolvers<string>();
    socket.on('error', ({ message }) => resolve(message));
    socket.renegotiate({}, (error) => resolve(error?.message ?? 'done'));
    assert.match(await outcome, /no renegotiation/i);
  });

  test('refuses headers without end with 431', async (t) => {
    const { ask } = await aGuarded(t);
    assert.equal((await ask(client, { headers: { padding: 'x'.repeat(20_000) } })).status, 431);
  });

  test('without a certificate every handshake fails, until it has one', async (t) => {
    const server = createWebhookServer((_request, response) => response.end('ok'), undefined);
    const port = await serve(t, server);
    const asking = () => once(request({ host: '127.0.0.1', port, ca: own.ca, agent: false }).end(), 'response');
    await assert.rejects(asking());
    useCertificate(server, serving);
    const [response] = await asking();
    assert.equal(response.statusCode, 200);
    response.resume();
  });
});
