import type { CacheHandlers, Followed, Synced } from '../processes/cache.ts';
import type { StandInHandlers } from '../processes/stand-in.ts';
import type { Context } from '../support/context.ts';
import { IMAGE } from '../support/image.ts';
import { namespaceOf, podName } from '../support/objects.ts';

const NODES = 5_000;
const CLUSTERS = 500;
export const MODIFICATIONS = 20_000;
/** The stand-in counts its resource versions from here; see ClusterState. */
const FIRST_VERSION = 1_000_000;

export interface CacheResult {
  readonly pods: number;
  readonly synced: Synced;
  /** MODIFICATIONS events each; the first warms up what a list does not use. */
  readonly followed: readonly Followed[];
  readonly peakMb: number;
  /** Share of one core while nothing happens. */
  readonly quiet: number;
  /** Share of one core that the stand-in used during the modifications: near 1, it was the limit. */
  readonly standInBusy: number;
}

export async function measureCache(context: Context, pods: number): Promise<CacheResult> {
  const rounds = context.quick ? 2 : 3;
  context.progress(
    `cache: ${pods} pods, ${NODES} nodes, ${CLUSTERS} clusters on a stand-in, then ${rounds} times ${MODIFICATIONS} changes`,
  );
  const standIn = context.start<StandInHandlers>('stand-in');
  const size = { pods, nodes: NODES, clusters: CLUSTERS, entries: 0, onCordonedNode: false };
  const port = await standIn.call('start', { size, ...context.serving });
  const cache = context.start<CacheHandlers>('cache', IMAGE);
  const synced = await cache.call('sync', await context.kubeconfig(port));
  context.progress(`  synced in ${Math.round(synced.syncMs)} ms, RSS ${Math.round(synced.rssMb)} MB`);
  const followed: Followed[] = [];
  const before = await standIn.call('cpuSeconds', undefined);
  for (let round = 1; round <= rounds; round++) {
    const last = (MODIFICATIONS - 1) % pods;
    const version = FIRST_VERSION + round * MODIFICATIONS;
    const following = cache.call('follow', { namespace: namespaceOf(last), name: podName(last), version });
    await standIn.call('modify', MODIFICATIONS);
    followed.push(await following);
  }
  const busySeconds = (await standIn.call('cpuSeconds', undefined)) - before;
  const quietMs = context.quick ? 2_000 : 10_000;
  const { busy: quiet } = await cache.call('quiet', quietMs);
  const peakMb = await cache.call('peakMb', undefined);
  await cache.stop();
  await standIn.stop();
  const seconds = followed.reduce((sum, round) => sum + round.seconds, 0);
  return { pods, synced, followed, peakMb, quiet, standInBusy: busySeconds / seconds };
}

/** The same cache on a real API server; how many pods there are is what that has. */
export async function measureRealCache(context: Context, kubeconfigPath: string): Promise<Synced> {
  context.progress('cache: the pods of a real API server');
  const cache = context.start<CacheHandlers>('cache', IMAGE);
  const synced = await cache.call('sync', kubeconfigPath);
  await cache.stop();
  return synced;
}
