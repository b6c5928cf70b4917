import Router from '@koa/router';
import Koa from 'koa';
import { LOG, type Log } from '../log/messages.ts';

export interface Readiness {
  /** Why this process is not ready; undefined if it is. */
  readonly notReady: () => string | undefined;
  /** Lines for people, for `/readyz?verbose`: how fresh the cache is. */
  readonly details: () => readonly string[];
}

export interface HealthOptions extends Readiness {
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  readonly log: Log;
}

/** Health and metrics over HTTP: `/livez`, `/readyz`, `/metrics`. Anything else is 404. */
export function createHealthApp(options: HealthOptions): Koa {
  const { metrics, log } = options;
  const app = new Koa();
  const router = new Router();
  router.get('/livez', (ctx) => {
    ctx.body = 'ok\n';
  });
  router.get('/readyz', (ctx) => answerReadiness(ctx, options));
  router.get('/metrics', async (ctx) => {
    ctx.type = metrics.contentType;
    ctx.body = await metrics.metrics();
  });
  app.use(router.routes());
  app.use((ctx) => {
    log.warn(LOG.badRequest, { status: 404, method: ctx.method, path: ctx.path });
    ctx.status = 404;
    ctx.body = { error: `there is nothing at ${ctx.method} ${ctx.path}` };
  });
  app.on('error', (error: Error) => log.debug(LOG.badRequest, { error: error.message }));
  return app;
}

/** `GET /readyz` on either port; `?verbose` adds how fresh the cache is. */
export function answerReadiness(
  ctx: { status: number; body: unknown; readonly query: Readonly<Record<string, unknown>> },
  { notReady, details }: Readiness,
): void {
  const reason = notReady();
  ctx.status = reason === undefined ? 200 : 503;
  const lines = [reason === undefined ? 'ok' : `not ready: ${reason}`, ...('verbose' in ctx.query ? details() : [])];
  ctx.body = `${lines.join('\n')}\n`;
}
