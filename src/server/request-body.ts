import type { IncomingMessage } from 'node:http';
import { RequestError } from './request-error.ts';

export const BODY_LIMIT_BYTES = 1024 * 1024;
/** Thirty times what an API server sends; such a body is always read. */
const SMALL_BODY_BYTES = 64 * 1024;
/** Of larger ones, or those that do not say how large they are, so many at a time: together they could fill the memory. */
const LARGE_BODIES_MAX = 32;

/** Reads the bodies of requests. Its own, because body parsers bring encoding tables of 0.5 MB along. */
export class Bodies {
  #large = 0;

  /**
   * The body as text. Rejects with a RequestError: 413 too large, 408 not here when the signal aborts, 400 broken off, 503
   * too many large ones at a time.
   */
  async read(request: IncomingMessage, signal: AbortSignal): Promise<string> {
    const length = Number(request.headers['content-length'] ?? Number.NaN);
    if (length <= SMALL_BODY_BYTES) return readWhole(request, signal);
    if (length > BODY_LIMIT_BYTES) throw tooLarge();
    if (this.#large >= LARGE_BODIES_MAX) throw new RequestError(503, 'too many large bodies at a time');
    this.#large++;
    try {
      return await readWhole(request, signal);
    } finally {
      this.#large--;
    }
  }
}

/** By events: an iterator costs as much as everything else about a body. */
function readWhole(request: IncomingMessage, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  const cutOff = () => end(new RequestError(408, 'the body came too slowly'));
  const brokenOff = () => end(new RequestError(400, 'the connection ended before the body'));
  const keep = (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) end(tooLarge());
  };
  const end = (failure?: RequestError) => {
    signal.removeEventListener('abort', cutOff);
    // A request that is too large stays open, because its response has yet to leave; what still comes is not read.
    request.off('data', keep).off('end', end).off('close', brokenOff);
    if (failure === undefined) return resolve(Buffer.concat(chunks).toString('utf-8'));
    request.pause();
    if (failure.status === 408) request.destroy(failure);
    reject(failure);
  };
  request.on('data', keep).on('end', end).on('close', brokenOff).on('error', brokenOff);
  signal.addEventListener('abort', cutOff);
  if (signal.aborted) cutOff();
  else if (request.destroyed) brokenOff();
  return promise;
}

function tooLarge(): RequestError {
  return new RequestError(413, `the body is larger than ${BODY_LIMIT_BYTES} bytes`);
}
