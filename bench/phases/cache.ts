import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheHandlers } from '../processes/cache.ts';
import type { StandInHandlers } from '../processes/stand-in.ts';
import type { Context } from '../support/context.ts';
import { IMAGE } from '../support/image.ts';
import { namespaceOf, podName } from '../support/objects.ts';
import type { CacheResult, Followed, RealCacheResult } from '../support/results.ts';
import { changePods, NAMESPACE, type World } from '../support/world.ts';

const NODES = 5_000;
const CLUSTERS = 500;
export const MODIFICATIONS = 20_000;
/** So many that a real API server writes them in seconds. */
export const REAL_CHANGES = 2_000;
/** The stand-in counts its resource versions from here; see ClusterState. */
const FIRST_VERSION = 1_000_000;

/** How many pods the cache is measured with, one after the other. */
export const podCounts = (quick: boolean) => (quick ? [1_000, 20_000] : [1_000, 20_000, 100_000]);

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

/** The same cache on a real API server, with the pods that it has. */
export async function measureRealCache(context: Context, world: World): Promise<RealCacheResult> {
  context.progress(`cache: the pods of a real API server, then ${REAL_CHANGES} changes`);
  const cache = context.start<CacheHandlers>('cache', IMAGE);
  const synced = await cache.call('sync', world.kubeconfigPath);
  const before = await cache.call('usage', undefined);
  const startedAt = performance.now();
  const { name, version } = await changePods(world, REAL_CHANGES);
  const isThere = async () => (await cache.call('podVersion', { namespace: NAMESPACE, name })) >= version;
  while (!(await isThere())) await sleep(20, undefined, { signal: context.signal });
  const seconds = (performance.now() - startedAt) / 1000;
  const { cpuSeconds, rssMb } = await cache.call('usage', undefined);
  await cache.stop();
  return { synced, seconds, cpuSeconds: cpuSeconds - before.cpuSeconds, rssMb };
}
