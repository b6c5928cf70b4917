import type { TestContext } from 'node:test';
import { Reflector, type ReflectorOptions } from '../../src/informer/reflector.ts';
import type { JsonObject } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { FakeListWatch, FakeSink } from './list-watch.ts';
import { mockTime, settle } from './time.ts';

export const apiError = (code: number, retryAfterMs?: number) =>
  new ApiError(code, 'GET /things', { reason: `R${code}` }, retryAfterMs);

/** The first step of the backoff in `aReflector`. Each later step is twice as long. */
export const FIRST_MS = 1_000;

/** A reflector between a scripted API server and a recording sink, on a clock that the test advances. */
export function aReflector(t: TestContext, options: Partial<ReflectorOptions<string>> = {}) {
  const time = mockTime(t);
  const server = new FakeListWatch();
  const sink = new FakeSink();
  const log: { message: string; fields: Record<string, unknown> }[] = [];
  const projected: string[] = [];
  const reflector = new Reflector<string>({
    name: 'things',
    listWatch: server,
    project: (object: JsonObject) => {
      const { name } = object.metadata as { name: string };
      projected.push(name);
      return name;
    },
    sink,
    clock: time,
    random: () => 0,
    log: (_level, message, fields) => log.push({ message, fields }),
    backoff: { firstMs: FIRST_MS, maxMs: 64_000, resetAfterMs: 600_000 },
    ...options,
  });
  t.after(() => reflector.stop());
  return {
    server,
    sink,
    reflector,
    log,
    projected,
    time,
    async start() {
      reflector.start();
      await settle();
    },
    /** The calls since the last call of this function. */
    calls: () => server.calls.splice(0),
  };
}
