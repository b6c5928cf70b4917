import { addAbortSignal } from 'node:stream';
import { request } from 'undici';
import { ignore, unlessAborted } from '../async/abort.ts';
import { Bulkhead, BulkheadFullError } from '../async/bulkhead.ts';
import { type Clock, timeLimit } from '../async/clock.ts';
import { CALL_CLASSES, type CallClass, classOf, type Shares } from './call-class.ts';
import type { Connection } from './connection.ts';
import { ApiError, ApiUnreachableError, ResponseTooLongError, type StatusBody } from './errors.ts';
import { namespaceOf } from './paths.ts';
import { servedAtOf } from './server-time.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** The media type of the response; `application/json` by default. */
  readonly accept?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Of `json`: a longer response is not read, and the call throws ResponseTooLongError. Absent: any length. */
  readonly maxBytes?: number | undefined;
  /** Of `json`: called with the length of the response in bytes. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** One finished call, for metrics and for tests that count. `code` is 0 if no response arrived. */
export interface ApiCall {
  readonly method: ApiRequest['method'];
  readonly path: string;
  readonly code: number;
  readonly durationMs: number;
  /** When the API server wrote its response, by its own clock; absent if it did not say. */
  readonly servedAt?: number | undefined;
}

export type JsonObject = { readonly [key: string]: unknown };

/** Calls to the API server. Throws ApiError for any response but 2xx, and ApiUnreachableError if none arrived. */
export interface ApiClient {
  json(request: ApiRequest): Promise<JsonObject>;
  /** The body of a watch, as it arrives. It ends when the signal aborts. */
  stream(request: ApiRequest): Promise<AsyncIterable<Uint8Array>>;
}

/** The calls of one class now. */
export interface CallLoad {
  readonly class: CallClass;
  /** A watch counts until it ends. */
  readonly inFlight: number;
  /** Those that wait until calls of their class end. */
  readonly waiting: number;
}

export interface ClientOptions {
  readonly onCall?: (call: ApiCall) => void;
  /** Called for each call that was not made because too many of its class waited. */
  readonly onFull?: (callClass: CallClass) => void;
  readonly callTimeoutMs?: number;
}

/**
 * The limit for any single call, and for its wait until calls of its class end. A caller passes its own deadline as
 * `signal`.
 */
const CALL_TIMEOUT_MS = 30_000;
/**
 * The hook caps Retry-After at this value. A longer pause would keep the cache stale for longer than any overload
 * lasts.
 */
const RETRY_AFTER_MAX_MS = 60_000;

export function createApiClient(
  connection: Connection,
  clock: Pick<Clock, 'monotonicNow' | 'setTimer'>,
  { onCall, onFull, callTimeoutMs = CALL_TIMEOUT_MS }: ClientOptions = {},
): ApiClient & { load(): readonly CallLoad[] } {
  const bulkheads = createBulkheads(connection.shares);

  const limitOf = ({ signal }: ApiRequest) => timeLimit(clock, callTimeoutMs, signal);

  /** What ends the call for its class; undefined if the class has no room for it now. */
  const enterNow = (call: ApiRequest) => bulkheads[classOf(call)].enterNow(namespaceOf(call.path));

  /** Waits until the class has room for the call. */
  const enter = async (call: ApiRequest): Promise<() => void> => {
    const callClass = classOf(call);
    const limit = limitOf(call);
    try {
      return await bulkheads[callClass].enter(namespaceOf(call.path), limit.signal);
    } catch (error) {
      const isFull = error instanceof BulkheadFullError;
      if (isFull) onFull?.(callClass);
      const cause = isFull ? new Error(`too many calls of the class ${callClass} wait already`) : error;
      throw new ApiUnreachableError(`${call.method} ${call.path}`, cause);
    } finally {
      limit.close();
    }
  };

  const send = async (call: ApiRequest, signal: AbortSignal, whilePreparing = signal) => {
    const what = `${call.method} ${call.path}`;
    const startedAt = clock.monotonicNow();
    const finished = (code: number, servedAt?: number) =>
      onCall?.({ method: call.method, path: call.path, code, durationMs: clock.monotonicNow() - startedAt, servedAt });
    try {
      // An exec plugin can hang, so no call waits for credentials beyond its own timeout.
      const { dispatchers, headers } = await unlessAborted(connection.prepare(), whilePreparing);
      const answered = request(connection.server + call.path + queryString(call.query), {
        dispatcher: dispatchers[classOf(call)],
        method: call.method,
        headers: {
          accept: call.accept ?? 'application/json',
          'user-agent': 'reschedule-hook',
          ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
          ...headers,
        },
        body: call.body === undefined ? null : JSON.stringify(call.body),
        signal,
        headersTimeout: callTimeoutMs,
        // The body of a watch is open-ended. Its reader has its own deadline.
        bodyTimeout: 0,
      });
      answered.then(({ body }) => whilePreparing.aborted && body.on('error', ignore).destroy(), ignore);
      // undici ignores a signal until the request has a connection, and a proxy can take long to provide one.
      const response = await unlessAborted(answered, whilePreparing);
      finished(response.statusCode, servedAtOf(response.headers));
      return response;
    } catch (error) {
      finished(0);
      throw new ApiUnreachableError(what, error);
    }
  };

  const checked = async (call: ApiRequest, signal: AbortSignal, whilePreparing = signal) => {
    const response = await send(call, signal, whilePreparing);
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    if (response.statusCode === 401) connection.forgetCredentials();
    // The body of a refused watch ends too, so the hook waits for it no longer than for any call.
    addAbortSignal(whilePreparing, response.body);
    const body = await response.body.json().catch(() => undefined);
    const retryAfter = Number(response.headers['retry-after']);
    throw new ApiError(
      response.statusCode,
      `${call.method} ${call.path}`,
      isStatus(body) ? body : undefined,
      retryAfter > 0 ? Math.min(retryAfter * 1000, RETRY_AFTER_MAX_MS) : undefined,
    );
  };

  return {
    async json(call) {
      const leave = enterNow(call) ?? (await enter(call));
      const limit = limitOf(call);
      try {
        const response = await checked(call, limit.signal);
        const text = await textOf(response.body, call.maxBytes);
        call.onBytes?.(text.bytes);
        return JSON.parse(text.value) as JsonObject;
      } catch (error) {
        const isTold = [ApiError, ApiUnreachableError, ResponseTooLongError].some((kind) => error instanceof kind);
        if (isTold) throw error;
        throw new ApiUnreachableError(`${call.method} ${call.path}`, error);
      } finally {
        limit.close();
        leave();
      }
    },
    async stream(call) {
      const leave = enterNow(call) ?? (await enter(call));
      const limit = limitOf(call);
      try {
        // The limit covers only the start of the response. The reader decides how long the body may be silent.
        const signal = call.signal ?? new AbortController().signal;
        const { body } = await checked(call, signal, limit.signal);
        if (body.closed) leave();
        return body.once('close', leave);
      } catch (error) {
        leave();
        throw error;
      } finally {
        limit.close();
      }
    },
    load: () =>
      CALL_CLASSES.map((name) => ({
        class: name,
        inFlight: bulkheads[name].running,
        waiting: bulkheads[name].waiting,
      })),
  };
}

function createBulkheads(shares: Shares): Readonly<Record<CallClass, Bulkhead>> {
  const bulkheads = CALL_CLASSES.map((name) => {
    const { connections: running, ...others } = shares[name];
    return [name, new Bulkhead({ running, ...others })] as const;
  });
  return Object.fromEntries(bulkheads) as Record<CallClass, Bulkhead>;
}

/** Reads no further than the limit: leaving the loop ends the response, and its connection. */
async function textOf(body: AsyncIterable<Buffer>, maxBytes = Number.POSITIVE_INFINITY) {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new ResponseTooLongError(maxBytes);
    chunks.push(chunk);
  }
  return { value: Buffer.concat(chunks).toString('utf-8'), bytes };
}

function queryString(query: ApiRequest['query']): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  if (pairs.length === 0) return '';
  return `?${new URLSearchParams(pairs.map(([key, value]): [string, string] => [key, String(value)]))}`;
}

function isStatus(body: unknown): body is StatusBody {
  return typeof body === 'object' && body !== null;
}
