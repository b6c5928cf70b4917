import Router from '@koa/router';
import Koa from 'koa';
import { LOG, type Log } from '../logs.ts';

export interface HealthOptions {
  /** Why this process is not ready; undefined if it is. */
  readonly notReady: () => string | undefined;
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  readonly log: Log;
}

/** Health and metrics over HTTP: `/livez`, `/readyz`, `/metrics`. Anything else is 404. */
export function createHealthApp({ notReady, metrics, log }: HealthOptions): Koa {
  const app = new Koa();
  const router = new Router();
  router.get('/livez', (ctx) => {
    ctx.body = 'ok\n';
  });
  router.get('/readyz', (ctx) => answerReadiness(ctx, notReady()));
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

/** `GET /readyz` on either port. */
export function answerReadiness(ctx: { status: number; body: unknown }, reason: string | undefined): void {
  ctx.status = reason === undefined ? 200 : 503;
  ctx.body = reason === undefined ? 'ok\n' : `not ready: ${reason}\n`;
}
