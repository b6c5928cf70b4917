import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { ABUSES, SMUGGLING } from './abuses.ts';
import { eventually, review, Wire } from './wire.ts';

async function aWire(t: TestContext, options: Parameters<typeof Wire.open>[0] = {}): Promise<Wire> {
  const wire = await Wire.open(options);
  t.after(() => wire.close());
  return wire;
}

const sockets = () => process.getActiveResourcesInfo().filter((kind) => /TCPSocket|TLS/.test(kind)).length;

describe('abuse of the protocol: others are answered beside it, nothing is written, nothing stays', () => {
  for (const [what, abuse] of Object.entries({ ...ABUSES, ...SMUGGLING })) {
    test(what, async (t) => {
      const before = sockets();
      const wire = await aWire(t);
      const peers = await abuse(wire);
      await wire.isWell();
      for (const { socket } of peers) socket.destroy();
      await eventually(async () => (await wire.connections()) === 0, 'no connection');
      await eventually(() => sockets() <= before, `${before} sockets`);
      assert.deepEqual(wire.writes, []);
      await wire.isWell();
    });
  }
});

describe('too many connections', () => {
  test('those on which nothing was asked make room; one that was of use, and others, are served', async (t) => {
    const wire = await aWire(t, { maxConnections: 20 });
    const used = await wire.connect();
    used.socket.write(review({ name: 'cb-0001' }));
    await eventually(() => used.received.includes('"code":429'), 'the first answer');
    const peers = await Promise.all(Array.from({ length: 200 }, () => wire.connectTcp()));
    await eventually(() => wire.accepted > 200, 'all of them');
    await eventually(async () => (await wire.connections()) <= 20, 'at most 20 connections');
    await wire.isWell();
    used.received = '';
    used.socket.write(review({ name: 'cb-0001' }));
    await eventually(() => used.received.includes('"code":429'), 'the second answer');
    for (const { socket } of [used, ...peers]) socket.destroy();
  });

  test('a review in hand is carried through', async (t) => {
    const go = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const admit = (honest: (request: never) => Promise<never>) => async (request: never) => {
      asked.resolve();
      await go.promise;
      return honest(request);
    };
    const wire = await aWire(t, { maxConnections: 5, planted: { admit: admit as never } });
    const slow = await wire.connect();
    slow.socket.write(review({ name: 'cb-0001' }));
    await asked.promise;
    const peers = await Promise.all(Array.from({ length: 50 }, () => wire.connectTcp()));
    await eventually(() => wire.accepted > 50, 'all of them');
    await eventually(async () => (await wire.connections()) <= 5, 'at most 5 connections');
    go.resolve();
    await eventually(() => slow.received.includes('"code":429'), 'the answer');
    for (const { socket } of [slow, ...peers]) socket.destroy();
  });
});
