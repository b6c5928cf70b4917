import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPod } from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { byDepth } from './depth.ts';
import { type EvictionAnswer, type EvictionOptions, evict, isLate } from './evict.ts';
import type { Rig } from './rig.ts';

/** In part only every second one: half as often, and of as many as are waited for the half. */
const ONE_IN = byDepth(2, 1);
/** More late answers than one for so many are no slow machine. */
const LATE_SHARE = 10;

/** Asks for evictions through the API server without a pause, beside whatever the test does. A few late answers do not count. Ends with the rig. */
export function keepEvicting(
  rig: Rig,
  namespace: string,
  pods: readonly string[],
  { everyMs = 20, ...options }: EvictionOptions & { readonly everyMs?: number } = {},
) {
  const over = new AbortController();
  const answers: EvictionAnswer[] = [];
  let late = 0;
  const done = Promise.all(
    pods.map(async (pod) => {
      while (!over.signal.aborted) {
        const answer = await evict({ rig, namespace }, pod, options);
        if (isLate(answer)) late++;
        else answers.push(answer);
        await sleep(everyMs * ONE_IN);
      }
    }),
  );
  const stop = async () => {
    over.abort();
    await done;
    assert.ok(late <= answers.length / LATE_SHARE, `${late} answers were late, beside ${answers.length} in time`);
  };
  /** Waits for so many answers more, to evictions that were asked for from now on. */
  const untilMore = async (count: number) => {
    // Each hand may have one under way.
    const enough = answers.length + pods.length + Math.ceil(count / ONE_IN);
    const isEnough = async () => {
      if (answers.length < enough) throw new NotYet(`${answers.length} of ${enough}`);
    };
    await until(`${count} answers more`, isEnough);
  };
  rig.atStop(stop);
  return { answers, stop, untilMore };
}

/** The same for one protected pod. Another one takes its place if it is evicted, so that all that get through are counted. */
export async function keepEvictingMembers(rig: Rig, namespace: string, { everyMs = 20 } = {}) {
  const over = new AbortController();
  const answers: EvictionAnswer[] = [];
  let evicted = 0;
  const name = () => `cb-${evicted}`;
  const create = () => createPod(rig.client, { namespace, name: name(), labels: { app: 'couchbase' } });
  await create();
  const done = (async () => {
    while (!over.signal.aborted) {
      const answer = await evict({ rig, namespace }, name());
      answers.push(answer);
      if (answer.code === 201) {
        evicted++;
        await create();
      }
      await sleep(everyMs * ONE_IN);
    }
  })();
  const stop = async () => {
    over.abort();
    await done;
  };
  rig.atStop(stop);
  return { answers, stop };
}
