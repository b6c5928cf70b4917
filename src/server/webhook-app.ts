import type { IncomingMessage } from 'node:http';
import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import { LOG, type Log } from '../log/messages.ts';
import type { Decision } from '../policy/decision.ts';
import type { EvictionRequest } from '../policy/model.ts';
import { parseReview, reviewResponse } from '../webhook/admission-review.ts';
import { answerWithinMs, type Deadlines } from './deadlines.ts';
import { answerReadiness, type Readiness } from './health-app.ts';
import { Bodies, BodyError } from './request-body.ts';

export interface AppOptions extends Readiness {
  readonly admit: (request: EvictionRequest, signal: AbortSignal) => Promise<Decision>;
  /** Why the client may not ask, if so. Absent: everybody may who reaches the port. */
  readonly mayAsk?: ((request: IncomingMessage) => { status: 401 | 403; error: string } | undefined) | undefined;
  readonly deadlines: Pick<Deadlines, 'open'>;
  /** Once true, every answer asks the client to open its next connection elsewhere. */
  readonly isStopping: () => boolean;
  readonly log: Log;
}

/** The webhook: `POST /eviction` and `GET /readyz`. Anything else is 404. */
export function createApp(options: AppOptions): Koa {
  const app = new Koa();
  const router = new Router();
  const bodies = new Bodies();
  router.get('/readyz', (ctx) => answerReadiness(ctx, options));
  app.use(errors(options));
  // Before the router: matching a path costs there as much as an answer does here.
  app.use((ctx, next) => (isEviction(ctx) ? review(ctx, options, bodies) : next()));
  app.use(router.routes());
  app.use((ctx) => refuse(ctx, options.log, 404, `there is nothing at ${ctx.method} ${ctx.path}`));
  // A socket that broke under an answer; the answer itself was made.
  app.on('error', (error: Error) => options.log.debug(LOG.badRequest, { error: error.message }));
  return app;
}

function isEviction({ method, url }: { readonly method: string; readonly url: string }): boolean {
  return method === 'POST' && (url === '/eviction' || url.startsWith('/eviction?'));
}

async function review(ctx: Context, options: AppOptions, bodies: Bodies): Promise<void> {
  const { admit, log, deadlines, mayAsk } = options;
  const refusal = mayAsk?.(ctx.req);
  if (refusal !== undefined) return refuseClient(ctx, log, refusal);
  if (!isJson(ctx)) return refuse(ctx, log, 415, `Content-Type must be application/json, not "${ctx.request.type}"`);
  const encoding = ctx.req.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') return refuse(ctx, log, 415, `Content-Encoding ${encoding} is not supported`);
  const deadline = deadlines.open(answerWithinMs(ctx.url));
  try {
    const parsed = parseReview(await bodies.read(ctx.req, deadline));
    if (parsed.kind === 'malformed') return refuse(ctx, log, 400, `not an AdmissionReview: ${parsed.problems}`);
    const decision =
      parsed.kind === 'review' ? await admit(parsed.request, deadline.signal) : unreadable(log, parsed.problems);
    send(ctx, options, reviewResponse(parsed.uid, decision));
  } finally {
    deadline.close();
  }
}

function unreadable(log: Log, problems: string): Decision {
  const message = `reschedule hook cannot read the request: ${problems}`;
  log.warn(LOG.badRequest, { error: message });
  return { kind: 'deny', rule: 'S6', reason: 'Unreadable', code: 500, message };
}

/** Past Koa's own way of answering, which finds out anew for each body what this knows. */
function send(ctx: Context, options: AppOptions, body: object): void {
  const text = JSON.stringify(body);
  closeIfStopping(ctx, options);
  ctx.respond = false;
  ctx.res.writeHead(200, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  ctx.res.end(text);
}

/** The API server sends exactly this; the other ways to write it are looked at more closely. */
function isJson({ req, request }: Context): boolean {
  return req.headers['content-type'] === 'application/json' || request.type.toLowerCase() === 'application/json';
}

/** Outermost: whatever is thrown becomes one log line and a JSON error, never a stack trace. */
function errors(options: AppOptions): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      refuseThrown(ctx, options.log, error as { status?: number; message?: string });
    }
    closeIfStopping(ctx, options);
  };
}

function closeIfStopping(ctx: Context, { isStopping }: AppOptions): void {
  if (isStopping()) ctx.set('Connection', 'close');
}

function refuseThrown(ctx: Context, log: Log, error: { status?: number; message?: string }): void {
  const { status, message } = error;
  if (status !== undefined && (status < 500 || error instanceof BodyError)) {
    refuse(ctx, log, status, message ?? 'the request cannot be read');
  } else {
    log.error(LOG.unexpected, { error: message });
    refuse(ctx, log, 500, 'unexpected error; the log of the reschedule hook has the cause');
  }
}

function refuseClient(ctx: Context, log: Log, { status, error }: { status: number; error: string }): void {
  refuse(ctx, log, status, error, { client: ctx.req.socket.remoteAddress });
  ctx.set('Connection', 'close');
}

function refuse(ctx: Context, log: Log, status: number, error: string, fields: Record<string, unknown> = {}): void {
  log.warn(LOG.badRequest, { status, error, method: ctx.method, path: ctx.path, ...fields });
  ctx.status = status;
  ctx.body = { error };
  // What is left of the body is not read; the connection cannot be used again.
  if (status === 413 || status === 503) ctx.set('Connection', 'close');
}
