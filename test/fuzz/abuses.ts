import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { eventually, type Peer, review, type Wire } from './wire.ts';

/** Something done to the server; it is left standing while others are served. */
export type Abuse = (wire: Wire) => Promise<readonly Peer[]>;

const HEAD = 'POST /eviction HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
const many = <T>(count: number, make: () => Promise<T>) => Promise.all(Array.from({ length: count }, make));

const sending = (count: number, text: string): Abuse => {
  return (wire) =>
    many(count, async () => {
      const peer = await wire.connect();
      peer.socket.write(text);
      return peer;
    });
};

const answered = (text: string, expected: RegExp): Abuse => {
  return async (wire) => {
    const peer = await wire.connect();
    peer.socket.write(text);
    await eventually(() => expected.test(peer.received), `${expected} in ${JSON.stringify(peer.received)}`);
    return [peer];
  };
};

const CHUNK = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`);

/** More than twice what a body may be, unless the server has had enough before: it answers, or ends it. */
async function flood(peer: Peer): Promise<void> {
  const { socket, closed } = peer;
  for (let sent = 0; sent < 40 && !socket.destroyed && peer.received === ''; sent++) {
    if (!socket.write(CHUNK)) await Promise.race([once(socket, 'drain'), closed]);
  }
}

const refused = (text: string, expected = /^(HTTP\/1\.1 4\d\d [^\r]*\r\n[\s\S]*)?$/): Abuse => {
  return async (wire) => {
    const received = await wire.send(text);
    assert.match(received, expected);
    assert.doesNotMatch(received, /"allowed"/);
    return [];
  };
};

export const ABUSES: Readonly<Record<string, Abuse>> = {
  'headers that never end': sending(100, `${HEAD}x-slow: a`),
  'bodies that never end, until they are due': async (wire) => {
    const peers = await sending(
      40,
      `${HEAD.replace('eviction', 'eviction?timeout=1s')}content-length: 900\r\n\r\n{`,
    )(wire);
    await Promise.all(peers.map(({ closed }) => closed));
    return peers;
  },
  'bodies that never end, and are awaited': sending(60, `${HEAD}content-length: 900\r\n\r\n{`),
  'connections without a handshake': (wire) => many(1_500, () => wire.connectTcp()),
  'connections on which nothing is asked': (wire) => many(100, () => wire.connect()),
  'handshakes that break off': (wire) =>
    many(50, async () => {
      const peer = await wire.connectTcp();
      peer.socket.write(Buffer.from('16030100c8010000c40303', 'hex'));
      peer.socket.resetAndDestroy();
      return peer;
    }),
  'TLS 1.0 and 1.1': async (wire) => {
    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
      await assert.rejects(wire.connect(old), /no connection|protocol version/);
    }
    return [];
  },
  'TLS that is negotiated again and again': async (wire) => {
    const peer = await wire.connect({ maxVersion: 'TLSv1.2' });
    const socket = peer.socket as TLSSocket;
    const again = () => socket.destroyed || socket.renegotiate({}, (error) => error ?? again());
    again();
    await peer.closed;
    return [peer];
  },
  'plain HTTP': async (wire) => {
    const peer = await wire.connectTcp();
    peer.socket.write(review());
    await peer.closed;
    assert.doesNotMatch(peer.received, /200/);
    return [peer];
  },
  'two requests at a time': async (wire) => {
    const peer = await wire.connect();
    peer.socket.write(review().repeat(2));
    await peer.closed;
    assert.equal(peer.received, '');
    return [peer];
  },
  '100 connections with twelve requests each, again': (wire) =>
    many(100, async () => {
      let peer = await wire.connect();
      for (let round = 0; round < 3; round++) {
        peer.socket.write(review({ name: 'web-0' }).repeat(12));
        await peer.closed;
        assert.equal(peer.received, '');
        peer = await wire.connect();
      }
      return peer;
    }),
  'thousands of requests at a time': async (wire) => {
    const peer = await wire.connect();
    peer.socket.write(review({ name: 'web-0' }).repeat(3_000));
    await peer.closed;
    return [peer];
  },
  'large bodies, many at a time': async (wire) => {
    const peers = await sending(40, `${HEAD}content-length: 1000000\r\n\r\n{`)(wire);
    await eventually(() => peers.filter(({ received }) => received.includes(' 503 ')).length === 8, 'eight 503');
    return peers;
  },
  'bodies without end, that come as fast as they can': (wire) =>
    many(40, async () => {
      const peer = await wire.connect();
      peer.socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
      await flood(peer);
      return peer;
    }),
  'headers of 20 KiB': refused(`${HEAD}x-large: ${'a'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /),
  'thousands of headers': refused(`${HEAD}${'a: b\r\n'.repeat(5_000)}\r\n`, /^HTTP\/1\.1 431 /),
  'Expect: 100-continue': async (wire) => {
    const [head = '', body = ''] = review({ name: 'cb-0001', headers: 'expect: 100-continue\r\n' }).split(
      /(?<=\r\n\r\n)/,
    );
    const [peer] = await answered(head, /^HTTP\/1\.1 100 Continue\r\n\r\n$/)(wire);
    peer?.socket.write(body);
    await eventually(() => /\r\n\r\nHTTP\/1\.1 200 /.test(peer?.received ?? ''), 'the answer after 100');
    return peer === undefined ? [] : [peer];
  },
  'Expect: anything else': answered(review({ headers: 'expect: mercy\r\n' }), /^HTTP\/1\.1 417 /),
  'Upgrade to a websocket': answered(
    'GET /eviction HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    /^HTTP\/1\.1 404 /,
  ),
  'Upgrade to HTTP/2': refused('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  CONNECT: refused('CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n'),
  'no host': refused(HEAD.replace('host: x\r\n', '\r\n')),
  TRACE: answered('TRACE /eviction HTTP/1.1\r\nhost: x\r\n\r\n', /^HTTP\/1\.1 404 /),
  'OPTIONS *': answered('OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n', /^HTTP\/1\.1 404 /),
  'connections that are half closed': async (wire) => {
    const peers = await many(20, async () => {
      const peer = await wire.connect();
      peer.socket.end(review({ name: 'cb-0001' }));
      return peer;
    });
    await Promise.all(peers.map(({ closed }) => closed));
    return peers;
  },
  'resets in the middle of a body': (wire) =>
    many(50, async () => {
      const tcp = await wire.connectTcp();
      const peer = await wire.connect({ socket: tcp.socket });
      await new Promise((sent) => peer.socket.write(`${HEAD}content-length: 900\r\n\r\n{"kind":`, sent));
      tcp.socket.resetAndDestroy();
      return peer;
    }),
};

/** Requests that two readers could read as a different number of requests; each carries one more that would mark a pod. */
const SMUGGLED = review();
const chunked = (sizes: string) => `${HEAD}transfer-encoding: chunked\r\n\r\n${sizes}${SMUGGLED}`;
export const SMUGGLING: Readonly<Record<string, Abuse>> = {
  'a length, and chunks': refused(`${HEAD}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`),
  'chunks, and a length': refused(`${HEAD}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n${SMUGGLED}`),
  'two lengths': refused(`${HEAD}content-length: 0\r\ncontent-length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`),
  'a list of lengths': refused(`${HEAD}content-length: 0, ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`),
  'a signed length': refused(`${HEAD}content-length: +0\r\n\r\n${SMUGGLED}`),
  'a negative length': refused(`${HEAD}content-length: -1\r\n\r\n${SMUGGLED}`),
  'a length beyond all': refused(`${HEAD}content-length: 99999999999999999999\r\n\r\n${SMUGGLED}`),
  'chunks in a coding of their own': refused(`${HEAD}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`),
  'chunked, then identity': refused(`${HEAD}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${SMUGGLED}`),
  'a space before the colon': refused(`${HEAD}transfer-encoding : chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`),
  'a folded header': refused(
    `${HEAD}x: a\r\n transfer-encoding: chunked\r\ncontent-length: 9x\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ),
  'a NUL in a header': refused(`${HEAD}x: a\0b\r\ncontent-length: 0\r\n\r\n${SMUGGLED}`),
  'a line that ends in LF alone': refused(`${HEAD.replaceAll('\r\n', '\n')}content-length: 0\n\n${SMUGGLED}`),
  'a chunk size that is no number': refused(chunked('ZZ\r\n')),
  'a negative chunk size': refused(chunked('-1\r\n')),
  'a chunk size beyond all': refused(chunked('FFFFFFFFFFFFFFFFF\r\n')),
  'a chunk longer than its size': refused(chunked('1\r\nab\r\n0\r\n\r\n')),
  'a chunk size with a space': refused(chunked('0 \r\n\r\n')),
  'HTTP/0.9': refused(`GET /eviction\r\n\r\n${SMUGGLED}`),
  'HTTP/3.0': refused(`${HEAD.replace('1.1', '3.0')}\r\n${SMUGGLED}`),
};
