import { setTimeout as sleep } from 'node:timers/promises';
import type { Play } from '../play.ts';

/** Something that is stopped during a drain, and started again. */
export interface Outage {
  /** For the timeline and the checks, like `the hook`. */
  readonly what: string;
  stop(play: Play): Promise<unknown>;
  start(play: Play): Promise<unknown>;
}

/** Longer than a drainer like kubectl waits before it retries, so that the drainer meets the outage. */
const AWAY_MS = 6_000;

/**
 * Stops something when the first pod is marked, starts it again after a while, and waits for the end of the drain. A drain
 * that failed is run again. The operator is paused until the hook has refused once more, because this is about a response
 * after the outage.
 */
export const drainThroughOutage =
  ({ what, stop, start }: Outage, awayMs = AWAY_MS) =>
  async (play: Play): Promise<void> => {
    const { pause, signal } = play.options;
    const endPause = await pause.begin();
    const isBack = Promise.withResolvers<void>();
    const since = play.mark;
    const drain = play.drainUntilDone(play.node(), isBack.promise);
    await play.during(drain, play.marked(since));
    play.log(`stops ${what}`);
    await stop(play);
    await sleep(awayMs, undefined, { signal });
    await start(play);
    play.log(`has started ${what}`);
    const started = play.mark;
    isBack.resolve();
    const refused = play.during(drain, play.refusedAgain(started));
    await play.expectThat(`the hook refused the drain again after ${what} had come back`, refused);
    endPause();
    await drain;
  };

export const hookRestart: Outage = {
  what: 'the hook',
  stop: ({ hook }) => hook.guard.stop(),
  start: ({ hook }) => hook.guard.start(),
};

export const apiRestart: Outage = {
  what: 'the API server',
  stop: async (play) => apiServerOf(play).stop(),
  start: async (play) => apiServerOf(play).start(),
};

function apiServerOf({ place }: Play) {
  const { apiServer } = place;
  if (apiServer === undefined) throw new Error('the API server of this cluster cannot be stopped');
  return apiServer;
}
