import type { IncomingMessage } from 'node:http';
import type { Deadline } from './deadlines.ts';

export const BODY_LIMIT_BYTES = 1024 * 1024;
/** Thirty times what an API server sends; such a body is always read. */
const SMALL_BODY_BYTES = 64 * 1024;
/** Of larger ones, or those that do not say how large they are, so many at a time: together they could fill the memory. */
const LARGE_BODIES_MAX = 32;

/** Why a body could not be read, as the status that says so. */
export class BodyError extends Error {
  readonly status: 400 | 408 | 413 | 503;

  constructor(status: BodyError['status'], message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Reads the bodies of requests, each of at most BODY_LIMIT_BYTES and no longer than its deadline allows.
 *
 * Its own, and no library: those that there are bring tables of encodings along, 0.5 MB that would be in memory for months,
 * and take as long as everything else about an answer from the cache that is not Node's (docs/performance.md).
 */
export class Bodies {
  #large = 0;

  /** Rejects with a BodyError: 413 too large, 408 too slow, 400 broken off, 503 too many large ones at a time. */
  read(request: IncomingMessage, deadline: Pick<Deadline, 'whenDue'>): Promise<string> {
    const length = Number(request.headers['content-length'] ?? Number.NaN);
    return length <= SMALL_BODY_BYTES ? readWhole(request, deadline) : this.#readLarge(length, request, deadline);
  }

  async #readLarge(length: number, request: IncomingMessage, deadline: Pick<Deadline, 'whenDue'>): Promise<string> {
    if (length > BODY_LIMIT_BYTES) throw tooLarge();
    if (this.#large >= LARGE_BODIES_MAX) throw new BodyError(503, 'too many large bodies at a time');
    this.#large++;
    try {
      return await readWhole(request, deadline);
    } finally {
      this.#large--;
    }
  }
}

function readWhole(request: IncomingMessage, deadline: Pick<Deadline, 'whenDue'>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  let isOver = false;
  const fail = (error: BodyError) => {
    isOver = true;
    deadline.whenDue = undefined;
    // What still comes is not kept; the answer closes the connection.
    request.off('data', keep).pause();
    reject(error);
  };
  const keep = (chunk: Buffer) => {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) fail(tooLarge());
    else chunks.push(chunk);
  };
  // Of a request that has come whole, too, Node says that it closes: an error made for each of those would cost 3 µs.
  const brokenOff = () => {
    if (!isOver) fail(new BodyError(400, 'the connection ended before the body'));
  };
  deadline.whenDue = cutOff(request);
  request.on('data', keep);
  request.on('end', () => {
    isOver = true;
    deadline.whenDue = undefined;
    // As bytes until here: to decode piece by piece costs more, and a character may lie across two of them.
    resolve((chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)).toString('utf-8'));
  });
  request.on('error', (error) => fail(error instanceof BodyError ? error : new BodyError(400, error.message)));
  if (request.destroyed) brokenOff();
  else request.on('close', brokenOff);
  return promise;
}

/** By itself, so that it holds the request and nothing else: among the others it made them all outlive their answer. */
function cutOff(request: IncomingMessage): () => void {
  return () => void request.destroy(new BodyError(408, 'the body came too slowly'));
}

function tooLarge(): BodyError {
  return new BodyError(413, `the body is larger than ${BODY_LIMIT_BYTES} bytes`);
}
