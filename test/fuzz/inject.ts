import { IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';

export interface Sent {
  readonly method: string;
  readonly url: string;
  /** In lower case, as Node hands them on. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Received {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Asks a listener without a connection: the same code as behind a server, at a tenth of the cost. */
export async function inject(listener: RequestListener, { method, url, headers, body }: Sent): Promise<Received> {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { method, url, headers, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1 });
  // In two pieces, so that a letter may lie between them.
  const half = body.length >> 1;
  request.push(body.subarray(0, half));
  request.push(body.subarray(half));
  request.push(null);
  request.complete = true;
  const response = new ServerResponse(request);
  const pieces: Buffer[] = [];
  const wire = new Writable({
    write(chunk: Buffer, _encoding, done) {
      pieces.push(chunk);
      done();
    },
  });
  response.assignSocket(wire as Socket);
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('finish', resolve).once('close', resolve);
  listener(request, response);
  await promise;
  return read(Buffer.concat(pieces).toString());
}

function read(wire: string): Received {
  const end = wire.indexOf('\r\n\r\n');
  return { status: Number(wire.slice(9, 12)), head: wire.slice(0, end), body: wire.slice(end + 4) };
}
