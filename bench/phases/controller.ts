import { setTimeout as sleep } from 'node:timers/promises';
import type { Pruned, StandInHandlers } from '../processes/stand-in.ts';
import type { Context } from '../support/context.ts';
import type { PruneResult } from '../support/results.ts';

const RETENTION_MS = 10_000;
const GIVE_UP_MS = 180_000;

/** How many entries pruning is measured with, one after the other. */
export const entryCounts = (quick: boolean) => (quick ? [1, 1_000] : [1, 10_000]);

/**
 * Every entry is about an earlier instance of a pod on one cordoned node; one event uncordons it, and RETENTION_MS later all
 * of them are due at once.
 */
export async function measurePruning(context: Context, entries: number): Promise<PruneResult> {
  context.progress(
    `controller: ${entries} entries that fall due ${RETENTION_MS / 1000} s after their pods have settled`,
  );
  const standIn = context.start<StandInHandlers>('stand-in');
  const size = { pods: Math.max(entries, 1_000), nodes: 100, clusters: 500, entries, onCordonedNode: true };
  const port = await standIn.call('start', { size, ...context.serving });
  const kubeconfig = await context.kubeconfig(port);
  const hook = await context.startHook(kubeconfig, { TRACKING_RETENTION: `${RETENTION_MS / 1000}s` });
  // A reconcile that came before the caches had synced looks again half a second later.
  await sleep(1_000);
  const { calls: before } = await standIn.call('pruned', undefined);
  const dueAt = (await standIn.call('uncordon', undefined)) + RETENTION_MS;
  const pruned = await allPruned(context, () => standIn.call('pruned', undefined), entries);
  await hook.stop();
  await standIn.stop();
  return {
    entries,
    firstMs: pruned.firstAt - dueAt,
    lastMs: pruned.lastAt - dueAt,
    callsPerEntry: (pruned.calls - before) / entries,
  };
}

async function allPruned(context: Context, ask: () => Promise<Pruned>, entries: number): Promise<Pruned> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  let saidAt = performance.now();
  for (;;) {
    const pruned = await ask();
    // The Event of the last one may still be on its way.
    if (pruned.count >= entries) return sleep(200).then(ask);
    if (performance.now() > giveUpAt)
      throw new Error(`${pruned.count} of ${entries} entries were pruned in ${GIVE_UP_MS / 1000} s`);
    if (performance.now() - saidAt > 5_000) {
      saidAt = performance.now();
      context.progress(`  ${pruned.count} of ${entries} pruned`);
    }
    await sleep(200, undefined, { signal: context.signal });
  }
}
