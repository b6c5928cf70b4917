import { setTimeout as sleep } from 'node:timers/promises';
import type { Play } from './play.ts';

/** What is taken away under a drain, and given back. */
export interface Disturbance {
  /** For what is told and checked, like `the hook`. */
  readonly what: string;
  stop(play: Play): Promise<unknown>;
  start(play: Play): Promise<unknown>;
}

/** Longer than a drainer like kubectl waits before it asks again, so that it gets to feel it. */
const AWAY_MS = 6_000;

/**
 * Takes something away when the first pod is marked, gives it back after a while, and waits for the end of the drain, which
 * is run again where it has failed. Only when the hook has refused again does the operator act: an answer after the
 * disturbance is what this is about.
 */
export const disturb =
  ({ what, stop, start }: Disturbance, awayMs = AWAY_MS) =>
  async (play: Play): Promise<void> => {
    const { hold, signal } = play.options;
    const letGo = await hold.take();
    const isBack = Promise.withResolvers<void>();
    const since = play.mark;
    const drain = play.drainUntilDone(play.node(), isBack.promise);
    await play.during(drain, play.marked(since));
    play.tell(`stops ${what}`);
    await stop(play);
    await sleep(awayMs, undefined, { signal });
    await start(play);
    play.tell(`has started ${what}`);
    const started = play.mark;
    isBack.resolve();
    const refused = play.during(drain, play.refusedAgain(started));
    await play.expectThat(`the hook refused the drain again after ${what} had come back`, refused);
    letGo();
    await drain;
  };

export const hookRestart: Disturbance = {
  what: 'the hook',
  stop: ({ options }) => options.guard.stop(),
  start: ({ options }) => options.guard.start(),
};

export const apiRestart: Disturbance = {
  what: 'the API server',
  stop: async (play) => apiServerOf(play).stop(),
  start: async (play) => apiServerOf(play).start(),
};

function apiServerOf({ options }: Play) {
  const { apiServer } = options.stage.cluster;
  if (apiServer === undefined) throw new Error('the API server of this cluster cannot be stopped');
  return apiServer;
}
