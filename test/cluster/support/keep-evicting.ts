import { setTimeout as sleep } from 'node:timers/promises';
import { type EvictionAnswer, evict } from './evict.ts';
import type { Rig } from './rig.ts';

/** Asks for evictions through the API server without a pause, beside whatever the test does. Ends with the rig. */
export function keepEvicting(rig: Rig, namespace: string, pods: readonly string[]) {
  const over = new AbortController();
  const answers: EvictionAnswer[] = [];
  const done = Promise.all(
    pods.map(async (pod) => {
      while (!over.signal.aborted) {
        answers.push(await evict({ rig, namespace }, pod));
        await sleep(20);
      }
    }),
  );
  const stop = async () => {
    over.abort();
    await done;
  };
  rig.atStop(stop);
  return { answers, stop };
}
