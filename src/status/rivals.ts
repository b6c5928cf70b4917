import { ignore, untilAborted } from '../async/abort.ts';
import { timeLimit } from '../async/clock.ts';
import type { Log } from '../log/messages.ts';
import type { PolicySettings } from '../policy/profiles/profile.ts';
import { type RivalOptions, RivalWatch } from '../registration/rivals.ts';

/** The report can do without them: nobody should wait for them for long. */
const LOOK_MS = 5_000;
const SILENT: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

type World = Pick<RivalOptions, 'client' | 'clock' | 'random'> & { readonly stop: AbortSignal };

/** Rival webhooks, as far as whoever asks may list registrations. */
export function openRivals({ profiles }: PolicySettings, { client, clock, random, stop }: World) {
  const handlers = new Set<() => void>();
  const first = Promise.withResolvers<void>();
  const watch = new RivalWatch({
    client,
    profiles,
    clock,
    random,
    log: SILENT,
    onChange() {
      first.resolve();
      for (const handler of handlers) handler();
    },
  });
  return {
    watch,
    /** Resolves once they are listed, or cannot be. */
    async looked(): Promise<void> {
      if (watch.found !== undefined) return;
      const limit = timeLimit(clock, LOOK_MS, stop);
      await Promise.race([first.promise, untilAborted(limit.signal)]);
      limit.close();
    },
    subscribe(handler: () => void): () => void {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  };
}
