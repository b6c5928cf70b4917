/** The cache as the hook runs it, with the controller that it wakes, in a process that measures itself. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cache, createCache, namespacedKey } from '../../src/cache/cache.ts';
import { readConfig } from '../../src/config/config.ts';
import { Controller } from '../../src/controller/controller.ts';
import { EntryReconciler } from '../../src/controller/entries.ts';
import { MarkEventReconciler } from '../../src/controller/mark-events.ts';
import { StalledPodReconciler } from '../../src/controller/stalled-pods.ts';
import { createReconcile, wakeOnChanges } from '../../src/controller/triggers.ts';
import { createApiClient } from '../../src/kube/client.ts';
import { openConnection } from '../../src/kube/connection.ts';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import { createReads } from '../../src/kube/reads.ts';
import { createWrites } from '../../src/kube/writes.ts';
import { ENTRY_PREFIX } from '../../src/policy/entry.ts';
import { isDraining, isMarked, isProtected } from '../../src/policy/pod-state.ts';
import { answerCalls } from '../support/rpc.ts';

// What the hook loads beside the cache takes memory too; an export is what the bundler leaves in.
export { main } from '../../src/main.ts';

export interface Synced {
  readonly syncMs: number;
  readonly longestBlockMs: number;
  readonly rssBeforeMb: number;
  readonly rssMb: number;
  readonly pods: number;
}

export interface Followed {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly longestBlockMs: number;
  readonly rssMb: number;
}

export interface Usage {
  readonly cpuSeconds: number;
  readonly rssMb: number;
}

export type CacheHandlers = {
  sync(kubeconfigPath: string): Promise<Synced>;
  follow(until: { namespace: string; name: string; version: number }): Promise<Followed>;
  /** The version that the cache has of a pod; 0 of one that it has not. */
  podVersion(pod: { namespace: string; name: string }): number;
  usage(argument: undefined): Usage;
  quiet(ms: number): Promise<{ busy: number }>;
  peakMb(argument: undefined): number;
};

const POLL_MS = 5;
let cache: Cache;

async function sync(kubeconfigPath: string): Promise<Synced> {
  const rssBeforeMb = rssMb();
  const synced = Promise.withResolvers<void>();
  cache = await build(kubeconfigPath, synced.resolve);
  await sleep(100);
  const blocks = watchLoop();
  const startedAt = performance.now();
  cache.start();
  await synced.promise;
  const syncMs = performance.now() - startedAt;
  // What the end of the sync set off is part of it.
  await sleep(200);
  const pods = cache.freshness().find(({ kind }) => kind === 'pods')?.objects ?? 0;
  return { syncMs, longestBlockMs: blocks(), rssBeforeMb, rssMb: rssMb(), pods };
}

/** Waits for that version of that pod; the time counts from the first event on. */
async function follow({
  namespace,
  name,
  version,
}: {
  namespace: string;
  name: string;
  version: number;
}): Promise<Followed> {
  const blocks = watchLoop();
  const agreedAt = () => cache.freshness().find(({ kind }) => kind === 'pods')?.agreedAt;
  const before = agreedAt();
  while (agreedAt() === before) await sleep(POLL_MS);
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  while (podVersion({ namespace, name }) < version) await sleep(POLL_MS);
  const seconds = (performance.now() - startedAt) / 1000;
  return { seconds, cpuSeconds: cpuSeconds(cpu), longestBlockMs: blocks(), rssMb: rssMb() };
}

function podVersion({ namespace, name }: { namespace: string; name: string }): number {
  return Number(cache.pods.get(namespacedKey(namespace, name))?.resourceVersion ?? 0);
}

async function quiet(ms: number): Promise<{ busy: number }> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await sleep(ms);
  return { busy: (cpuSeconds(cpu) * 1000) / (performance.now() - startedAt) };
}

async function build(kubeconfigPath: string, onSynced: () => void): Promise<Cache> {
  const monotonicNow = () => performance.now();
  const now = () => Date.now();
  const config = readConfig({});
  const connection = await openConnection(() => loadKubeConfig({ KUBECONFIG: kubeconfigPath }), monotonicNow);
  const client = createApiClient(connection, { monotonicNow });
  const tracking = config.trackerKind === undefined ? {} : { trackerKind: config.trackerKind };
  const log = { debug: () => undefined, info: () => undefined, warn: complain, error: complain };
  const built = createCache({
    ...tracking,
    client,
    labelSelector: config.labelSelector,
    selectorKeys: config.selector.map(({ key }) => key),
    annotationKey: config.annotationKey,
    entryPrefix: ENTRY_PREFIX,
    isProtected: (pod) => isProtected(pod, config),
    isMarked: (pod) => isMarked(pod, config),
    isDraining: (node) => isDraining(node, config.drainTaints),
    now,
    monotonicNow,
    random: Math.random,
    log: (level, message, fields) => log[level](message, fields),
    onSynced,
  });
  const announce = async () => undefined;
  const shared = { ...tracking, cache: built, announce, settings: config, log, now, monotonicNow };
  const entries = new EntryReconciler({
    ...shared,
    reads: createReads(client),
    writes: createWrites(client),
  });
  const controller = new Controller({
    reconcile: createReconcile(entries, new MarkEventReconciler(shared), new StalledPodReconciler(shared)),
    clock: { monotonicNow, setTimer },
    random: Math.random,
    log,
  });
  wakeOnChanges(built, (key) => controller.queue.add(key), config, config.trackerKind);
  controller.start();
  return built;
}

function setTimer(callback: () => void, ms: number) {
  const timer = setTimeout(callback, ms);
  return { cancel: () => clearTimeout(timer) };
}

/** Call what it returns for the longest time, in ms, for which the event loop got to nothing else. */
function watchLoop(): () => number {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  return () => {
    histogram.disable();
    return histogram.max / 1e6;
  };
}

function complain(message: string, fields?: Record<string, unknown>): void {
  process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
}

function rssMb(): number {
  return process.memoryUsage.rss() / 1e6;
}

const usage = (): Usage => ({ cpuSeconds: cpuSeconds(), rssMb: rssMb() });

function cpuSeconds(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

// In kilobytes of 1024 bytes.
const peakMb = () => (process.resourceUsage().maxRSS * 1024) / 1e6;

answerCalls({ sync, follow, podVersion, usage, quiet, peakMb } satisfies CacheHandlers);
