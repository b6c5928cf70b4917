import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../../src/async/system-clock.ts';
import { closeServer, createHealthServer, createWebhookServer, listen } from '../../src/server/https-server.ts';
import { createAuthority } from '../../testkit/certificates.ts';
import { ask } from '../support/loopback.ts';
import { mockTime } from '../support/time.ts';

const HOST = '127.0.0.1';
/** The beginning of a record with a ClientHello of 16 KB, of which there is never enough. */
const ENDLESS_HELLO = Buffer.concat([Buffer.of(22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3), Buffer.alloc(16_000)]);

async function aServer(t: TestContext, listener: Parameters<typeof createHealthServer>[0]) {
  const server = createHealthServer(listener);
  const port = await listen(server, 0, HOST);
  t.after(() => server.closeAllConnections());
  return { server, port };
}

describe('listen', () => {
  test('resolves to the port, also one that was picked', async (t) => {
    const { server, port } = await aServer(t, (_request, response) => response.end('ok'));
    assert.ok(port > 0);
    assert.equal((await ask(port)).body, 'ok');
    await closeServer(server, 0, systemClock);
  });

  test('rejects where the port is taken', async (t) => {
    const { server, port } = await aServer(t, () => undefined);
    await assert.rejects(
      listen(
        createHealthServer(() => undefined),
        port,
        HOST,
      ),
      { code: 'EADDRINUSE' },
    );
    await closeServer(server, 0, systemClock);
  });
});

test('a connection that the kernel cannot hand over is told of, and does not end the process', async (t) => {
  const server = createHealthServer((_request, response) => response.end('ok'));
  const told: Error[] = [];
  const port = await listen(server, 0, HOST, (error) => void told.push(error));
  t.after(() => closeServer(server, 0, systemClock));
  const error = Object.assign(new Error('accept ENOBUFS'), { code: 'ENOBUFS' });
  assert.ok(server.emit('error', error), 'as Node does where an accept fails');
  assert.deepEqual(told, [error]);
  assert.equal((await ask(port)).body, 'ok');
});

describe('closeServer', () => {
  test('lets a request in hand finish, and takes no new connection', async (t) => {
    const arrived = Promise.withResolvers<() => void>();
    const { server, port } = await aServer(t, (_request, response) => arrived.resolve(() => response.end('done')));
    const answer = ask(port);
    const finish = await arrived.promise;
    const closed = closeServer(server, 60_000, systemClock);
    await assert.rejects(ask(port), { code: 'ECONNREFUSED' });
    finish();
    assert.equal((await answer).body, 'done');
    await closed;
  });

  test('does not wait for connections that are idle', async (t) => {
    const { server, port } = await aServer(t, (_request, response) => response.end());
    const socket = connect(port, HOST);
    t.after(() => socket.destroy());
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
    const ended = once(socket.resume(), 'close');
    await closeServer(server, 60_000, systemClock);
    await ended;
  });

  test('does not wait for connections on which nothing was ever asked', async (t) => {
    const { server, port } = await aServer(t, (_request, response) => response.end());
    const socket = connect(port, HOST);
    await Promise.all([once(socket, 'connect'), once(server, 'connection')]);
    const ended = once(socket.resume(), 'close');
    await closeServer(server, 60_000, systemClock);
    await ended;
  });

  test('answers what is asked on an open connection while it closes, and ends idle ones only when they are quiet', async (t) => {
    const { server, port } = await aServer(t, (_request, response) => response.end('ok'));
    const sockets = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = connect(port, HOST);
        t.after(() => socket.destroy());
        socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
        await once(socket, 'data');
        return socket;
      }),
    );
    const { advance } = mockTime(t);
    const closed = closeServer(server, 60_000, systemClock);
    await advance(500);
    for (const socket of sockets) {
      socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
      await once(socket, 'data');
    }
    const ended = sockets.map((socket) => once(socket.resume(), 'close'));
    const isOver = Promise.all([closed, ...ended]).then(() => true);
    while (!(await Promise.race([isOver, turn(false)]))) await advance(500);
  });

  test('ends what has not finished when its time is up', async (t) => {
    const arrived = Promise.withResolvers<void>();
    const { server, port } = await aServer(t, () => arrived.resolve());
    const answer = assert.rejects(ask(port), { code: 'ECONNRESET' });
    await arrived.promise;
    const { advance } = mockTime(t);
    let isClosed = false;
    const closed = closeServer(server, 10_000, systemClock).then(() => {
      isClosed = true;
    });
    await advance(9_999);
    assert.equal(isClosed, false);
    await advance(1);
    await closed;
    await answer;
  });
});

test('a server tells of the connections that had to go because there were too many', async (t) => {
  const displaced = Promise.withResolvers<void>();
  const server = createHealthServer(() => undefined, { maxConnections: 1, onDisplaced: displaced.resolve });
  const port = await listen(server, 0, HOST);
  t.after(() => closeServer(server, 0, systemClock));
  const first = connect(port, HOST);
  const ended = once(first.resume(), 'close');
  const second = connect(port, HOST);
  t.after(() => second.destroy());
  await Promise.all([displaced.promise, ended]);
});

describe('createWebhookServer', () => {
  test('cuts off a client that does not finish its handshake, whether it says nothing or a byte at a time', async (t) => {
    const authority = await createAuthority();
    const server = createWebhookServer(() => undefined, await authority.issue(), undefined, { handshakeTimeoutMs: 20 });
    const port = await listen(server, 0, HOST);
    t.after(() => closeServer(server, 0, systemClock));
    for (const says of [Buffer.alloc(0), ENDLESS_HELLO]) {
      const cause = once(server, 'tlsClientError') as Promise<[NodeJS.ErrnoException]>;
      const client = connect(port, HOST).on('error', () => undefined);
      const ended = new Promise<void>((resolve) => client.resume().once('close', () => resolve()));
      for (const byte of says) {
        if (client.destroyed) break;
        client.write(Buffer.of(byte));
        await turn();
      }
      assert.equal((await cause)[0].code, 'ERR_TLS_HANDSHAKE_TIMEOUT');
      await ended;
    }
  });

  test('keeps idle connections longer than the 90 s of the API server, and bounds slow requests', async () => {
    const authority = await createAuthority();
    const server = createWebhookServer(() => undefined, await authority.issue());
    assert.ok(server.keepAliveTimeout > 90_000);
    // Node counts these from the start of a connection, so they must outlast an idle one too.
    assert.ok(server.headersTimeout > 90_000 && server.headersTimeout <= 150_000);
    assert.ok(server.requestTimeout > 90_000 && server.requestTimeout <= 150_000);
  });
});
