import type { IncomingMessage } from 'node:http';
import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import { LOG, type Log } from '../log/messages.ts';
import type { Decision } from '../policy/decision.ts';
import type { EvictionRequest } from '../policy/model.ts';
import { parseReview, reviewResponse } from '../webhook/admission-review.ts';
import { ClientLeftError } from '../webhook/admitter.ts';
import { answerWithinMs, type Deadlines } from './deadlines.ts';
import { answerReadiness, type Readiness } from './health-app.ts';
import { Bodies } from './request-body.ts';
import { RequestError } from './request-error.ts';

export interface AppOptions extends Readiness {
  /** `client` is its address, `review` the UID of the review for the log. */
  readonly admit: (request: EvictionRequest, signal: AbortSignal, client: string, review: string) => Promise<Decision>;
  /** Why the client may not ask, if so. Absent: everybody may who reaches the port. */
  readonly mayAsk?: ((request: IncomingMessage) => { status: 401 | 403; error: string } | undefined) | undefined;
  readonly deadlines: Pick<Deadlines, 'open'>;
  /** Once true, every response asks the client to open its next connection elsewhere. */
  readonly isStopping: () => boolean;
  readonly log: Log;
}

/** The webhook: `POST /eviction` and `GET /readyz`. Anything else is 404. */
export function createApp(options: AppOptions): Koa {
  const app = new Koa();
  const router = new Router({ strict: true, sensitive: true });
  router.get('/readyz', (ctx) => answerReadiness(ctx, options));
  router.post('/eviction', review(options));
  app.use(errors(options));
  app.use(router.routes());
  app.use(notFound);
  // A socket that broke under a response; the response itself was made.
  app.on('error', (error: Error) => options.log.debug(LOG.badRequest, { error: error.message }));
  return app;
}

/** What is left of the body of these is not read, or the client should not ask again: the connection ends. */
const ENDS_CONNECTION: readonly number[] = [401, 403, 413, 503];

/** Whatever is thrown becomes one log line and a JSON error, never a stack trace. It is outermost, so it also ends connections while the process stops. */
function errors({ log, isStopping }: AppOptions): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const { status, message, fields } = refusalFor(error, log);
      log.warn(LOG.badRequest, { status, error: message, method: ctx.method, path: ctx.path, ...fields });
      ctx.status = status;
      ctx.body = { error: message };
      if (ENDS_CONNECTION.includes(status)) ctx.set('Connection', 'close');
    }
    if (isStopping()) ctx.set('Connection', 'close');
  };
}

function refusalFor(error: unknown, log: Log): RequestError {
  if (error instanceof RequestError) return error;
  const { status = 500, message } = error as Error & { readonly status?: number };
  // Koa's own, about what the client sent.
  if (status < 500) return new RequestError(status, message);
  log.error(LOG.unexpected, { error: message });
  return new RequestError(500, 'unexpected error; the log of the reschedule hook has the cause');
}

const notFound: Middleware = (ctx) => {
  throw new RequestError(404, `there is nothing at ${ctx.method} ${ctx.path}`);
};

/** One review: who asks, what it is, the body in time, the decision. */
function review(options: AppOptions): Middleware {
  const { admit, deadlines, log } = options;
  const bodies = new Bodies();
  return async (ctx) => {
    checkClient(ctx, options);
    checkContent(ctx);
    const deadline = deadlines.open(answerWithinMs(ctx.url));
    const { socket } = ctx.req;
    ctx.res.on('close', () => ctx.res.writableEnded || deadline.abandon(new ClientLeftError('the client has left')));
    try {
      const parsed = parseReview(await bodies.read(ctx.req, deadline.signal));
      if (socket.destroyed) throw new RequestError(400, 'the connection ended before the response');
      if (parsed.kind === 'malformed') throw new RequestError(400, `not an AdmissionReview: ${parsed.problems}`);
      const decision =
        parsed.kind === 'review'
          ? await admit(parsed.request, deadline.signal, socket.remoteAddress ?? '', parsed.uid)
          : unreadable(log, parsed.uid, parsed.problems);
      ctx.body = reviewResponse(parsed.uid, decision);
    } finally {
      deadline.close();
    }
  };
}

function checkClient({ req }: Context, { mayAsk }: AppOptions): void {
  const refusal = mayAsk?.(req);
  if (refusal === undefined) return;
  throw new RequestError(refusal.status, refusal.error, { client: req.socket.remoteAddress });
}

function checkContent({ request }: Context): void {
  if (request.type.toLowerCase() !== 'application/json') {
    throw new RequestError(415, `Content-Type must be application/json, not "${request.type}"`);
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new RequestError(415, `Content-Encoding ${encoding} is not supported`);
}

function unreadable(log: Log, review: string, problems: string): Decision {
  const message = `reschedule hook cannot read the request: ${problems}`;
  log.warn(LOG.badRequest, { error: message, review });
  return { kind: 'deny', rule: 'S6', reason: 'Unreadable', code: 500, message };
}
