import assert from 'node:assert/strict';
import { cases, check, printed } from './bodies.ts';
import type { Received, Sent } from './inject.ts';
import type { Target } from './target.ts';
import { target } from './target.ts';
import { Wire } from './wire.ts';

/** The same bodies through the real server: its TLS, Node's parser, and what Node answers by itself. */
export const overTls: Target = {
  name: 'tls',
  about: 'the same bodies over the real TLS server, a connection each',
  share: 0.1,
  async run(options) {
    const wire = await Wire.open();
    try {
      const about = { name: 'tls', about: '' };
      await target(about, cases.map(sendable).map(printed), () => (sent) => checkOne(wire, sent)).run(options);
      await wire.isWell();
    } finally {
      await wire.close();
    }
  },
};

async function checkOne(wire: Wire, sent: Sent): Promise<void> {
  const received = read(await wire.send(bytesOf(sent)));
  // Node refuses what is no HTTP before anybody is asked, and has no body for it.
  if (received.status === 400 && received.body === '') {
    assert.deepEqual([wire.hook.takeLines(), wire.hook.api.requests], [[], []]);
  } else if (check(wire.hook, sent, received) > 0) wire.renew();
}

/** A length that is wrong would be waited for; without one the body comes in chunks. */
function sendable(sent: Sent): Sent {
  const { 'content-length': length, ...headers } = sent.headers;
  const framing =
    length === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': `${sent.body.length}` };
  return { ...sent, headers: { ...headers, ...framing, host: 'x', connection: 'close' } };
}

function bytesOf({ method, url, headers, body }: Sent): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${url} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
  if (!('transfer-encoding' in headers)) return Buffer.concat([head, body]);
  const half = body.length >> 1;
  const chunks = [body.subarray(0, half), body.subarray(half)].filter(({ length }) => length > 0);
  const framed = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)}\r\n`),
    chunk,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([head, ...framed, Buffer.from('0\r\n\r\n')]);
}

function read(text: string): Received {
  const wire = Buffer.from(text, 'latin1').toString();
  const end = wire.indexOf('\r\n\r\n');
  return { status: Number(wire.slice(9, 12)), head: wire.slice(0, end), body: wire.slice(end + 4) };
}
