import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import getRawBody from 'raw-body';
import { LOG, type Log } from '../logs.ts';
import type { Decision } from '../policy/decision.ts';
import type { EvictionRequest } from '../policy/model.ts';
import { answerReadiness, type Readiness } from './health.ts';
import { parseReview, reviewResponse } from './review.ts';

export interface AppOptions extends Readiness {
  readonly admit: (request: EvictionRequest, signal: AbortSignal) => Promise<Decision>;
  /** Once true, every answer asks the client to open its next connection elsewhere. */
  readonly isStopping: () => boolean;
  readonly log: Log;
}

export const BODY_LIMIT_BYTES = 1024 * 1024;
/** The API server's own default and maximum for `timeoutSeconds` of a webhook. */
const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_TIMEOUT_MS = 30_000;

/** The webhook: `POST /eviction` and `GET /readyz`. Anything else is 404. */
export function createApp(options: AppOptions): Koa {
  const app = new Koa();
  const router = new Router();
  router.post('/eviction', (ctx) => review(ctx, options));
  router.get('/readyz', (ctx) => answerReadiness(ctx, options));
  app.use(errors(options));
  app.use(router.routes());
  app.use((ctx) => refuse(ctx, options.log, 404, `there is nothing at ${ctx.method} ${ctx.path}`));
  // A socket that broke under an answer; the answer itself was made.
  app.on('error', (error: Error) => options.log.debug(LOG.badRequest, { error: error.message }));
  return app;
}

async function review(ctx: Context, { admit, log }: AppOptions): Promise<void> {
  if (ctx.request.type.toLowerCase() !== 'application/json') {
    return refuse(ctx, log, 415, `Content-Type must be application/json, not "${ctx.request.type}"`);
  }
  const encoding = ctx.get('content-encoding');
  if (encoding !== '' && encoding !== 'identity')
    return refuse(ctx, log, 415, `Content-Encoding ${encoding} is not supported`);
  const signal = AbortSignal.timeout(answerWithinMs(ctx.query.timeout));
  const parsed = parseReview(await readBody(ctx, signal));
  switch (parsed.kind) {
    case 'malformed':
      return refuse(ctx, log, 400, `not an AdmissionReview: ${parsed.problems}`);
    case 'unreadable': {
      const message = `reschedule hook cannot read the request: ${parsed.problems}`;
      log.warn(LOG.badRequest, { error: message });
      ctx.body = reviewResponse(parsed.uid, { kind: 'deny', rule: 'S6', reason: 'Unreadable', code: 500, message });
      return;
    }
    case 'review':
      ctx.body = reviewResponse(parsed.uid, await admit(parsed.request, signal));
  }
}

/** How long an answer may take: the API server's `?timeout=`, less a fifth, at most a second, for the way back. */
export function answerWithinMs(timeout: string | string[] | undefined): number {
  const given = typeof timeout === 'string' ? goDurationMs(timeout) : 0;
  const timeoutMs = given > 0 ? Math.min(given, MAX_TIMEOUT_MS) : DEFAULT_TIMEOUT_MS;
  return Math.round(timeoutMs - Math.min(timeoutMs / 5, 1000));
}

/** `10s`, `1m0s`, `1.5s` or `500ms` as Go writes them; 0 for anything else. */
function goDurationMs(text: string): number {
  if (!/^(\d+(\.\d+)?(ms|s|m))+$/.test(text)) return 0;
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m)/g)];
  return parts.reduce((sum, [, digits, unit]) => sum + Number(digits) * (units[unit as string] as number), 0);
}

/** Reads at most BODY_LIMIT_BYTES, and no longer than the signal allows; throws with status 413 or 408. */
async function readBody(ctx: Context, signal: AbortSignal): Promise<string> {
  const tooSlow = () => ctx.req.destroy(Object.assign(new Error('the body came too slowly'), { status: 408 }));
  signal.addEventListener('abort', tooSlow, { once: true });
  try {
    return await getRawBody(ctx.req, {
      limit: BODY_LIMIT_BYTES,
      encoding: 'utf-8',
      ...(ctx.request.length === undefined ? {} : { length: ctx.request.length }),
    });
  } finally {
    signal.removeEventListener('abort', tooSlow);
  }
}

/** Outermost: whatever is thrown becomes one log line and a JSON error, never a stack trace. */
function errors({ log, isStopping }: AppOptions): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      refuseThrown(ctx, log, error as { status?: number; message?: string });
    }
    if (isStopping()) ctx.set('Connection', 'close');
  };
}

function refuseThrown(ctx: Context, log: Log, { status, message }: { status?: number; message?: string }): void {
  if (status === 413) refuse(ctx, log, 413, `the body is larger than ${BODY_LIMIT_BYTES} bytes`);
  else if (status !== undefined && status < 500) refuse(ctx, log, 400, message ?? 'the request cannot be read');
  else {
    log.error(LOG.unexpected, { error: message });
    refuse(ctx, log, 500, 'unexpected error; the log of the reschedule hook has the cause');
  }
}

function refuse(ctx: Context, log: Log, status: number, error: string): void {
  log.warn(LOG.badRequest, { status, error, method: ctx.method, path: ctx.path });
  ctx.status = status;
  ctx.body = { error };
  // What is left of the body is not read; the connection cannot be used again.
  if (status === 413) ctx.set('Connection', 'close');
}
