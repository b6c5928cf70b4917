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

async function readWhole(request: IncomingMessage, signal: AbortSignal): Promise<string> {
  const cutOff = () => void request.destroy(new RequestError(408, 'the body came too slowly'));
  if (signal.aborted) cutOff();
  signal.addEventListener('abort', cutOff);
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    // A request that is too large stays open, because its response has yet to leave; what still comes is not read.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += chunk.length;
      if (size > BODY_LIMIT_BYTES) throw tooLarge();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf-8');
  } catch (error) {
    throw error instanceof RequestError ? error : new RequestError(400, 'the connection ended before the body');
  } finally {
    signal.removeEventListener('abort', cutOff);
  }
}

function tooLarge(): RequestError {
  return new RequestError(413, `the body is larger than ${BODY_LIMIT_BYTES} bytes`);
}
