import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { describe, type TestContext, test } from 'node:test';
import { ABUSES, type Abuse, SMUGGLING } from './abuses.ts';
import { Beside } from './beside.ts';
import { assertHeld, heldBytes } from './garbage.ts';
import { eventually, review, Wire } from './wire.ts';

async function aWire(t: TestContext, options: Parameters<typeof Wire.open>[0] = {}): Promise<Wire> {
  const wire = await Wire.open(options);
  t.after(() => wire.close());
  return wire;
}

const sockets = () => process.getActiveResourcesInfo().filter((kind) => /TCPSocket|TLS/.test(kind)).length;

/** While it stands: both ends are in this process, and a thousand connections cost what they cost. */
const STANDING_MAX_MIB = 48;
const LEFT_MAX_MIB = 8;

/** Leaves the abuse standing, with valid reviews beside it all the time; then nothing may be left of it. */
async function checkBeside(t: TestContext, wire: Wire, abuse: Abuse, ticks?: number): Promise<void> {
  await wire.isWell();
  const [before, held] = [sockets(), heldBytes()];
  const beside = await Beside.begin(wire, ticks);
  t.after(() => beside.stop().catch(() => undefined));
  const peers = await abuse(wire);
  await beside.more();
  const standing = assertHeld(held, STANDING_MAX_MIB, 'while it stands');
  await beside.stop();
  for (const { socket } of peers) socket.destroy();
  await eventually(async () => (await wire.connections()) === 0, 'no connection');
  await eventually(() => sockets() <= before, `${before} sockets`);
  assert.deepEqual(wire.writes, []);
  await wire.isWell();
  const left = assertHeld(held, LEFT_MAX_MIB, 'afterwards');
  t.diagnostic(`${beside.answers} answers beside it; MiB held: ${standing} while it stands, ${left} afterwards`);
}

describe('abuse of the protocol: others are answered beside it, nothing is written, nothing stays', () => {
  for (const [what, abuse] of Object.entries({ ...ABUSES, ...SMUGGLING })) {
    test(what, async (t) => checkBeside(t, await aWire(t), abuse));
  }
});

describe('what is looked for is found', () => {
  const slow = ABUSES['bodies that never end, and are awaited'] as Abuse;

  test('a server that answers one after the other', async (t) => {
    let last: Promise<unknown> = Promise.resolve();
    const inTurn =
      (honest: RequestListener): RequestListener =>
      (request, response) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        void last.then(() => honest(request, response));
        response.once('close', resolve);
        last = promise;
      };
    const wire = await aWire(t, { planted: { listener: inTurn } });
    await assert.rejects(checkBeside(t, wire, slow, 200), /not answered within 200 ticks/);
  });

  test('a server that keeps whatever comes', async (t) => {
    const kept: Buffer[] = [];
    const keeping =
      (honest: RequestListener): RequestListener =>
      (request, response) => {
        if (!request.headers['transfer-encoding']) honest(request, response);
        else request.on('data', (chunk: Buffer) => void kept.push(chunk));
      };
    const wire = await aWire(t, { planted: { listener: keeping } });
    const flood = ABUSES['bodies without end, that come as fast as they can'] as Abuse;
    await assert.rejects(checkBeside(t, wire, flood), /while it stands: \d+ MiB are held/);
    kept.length = 0;
  });
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
