/** The cache as the hook runs it, with the controller that it wakes, in a process that measures itself. */
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/async/system-clock.ts';
import { storeKey } from '../../src/cache/keys.ts';
import { readConfig } from '../../src/config/config.ts';
import { policySettingsOf } from '../../src/config/policy-settings.ts';
import { type Core, createCore } from '../../src/core.ts';
import { createApiClient } from '../../src/kube/client.ts';
import { openConnection } from '../../src/kube/connection.ts';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';
import { answerCalls } from '../support/answer-calls.ts';
import type { Followed, Synced } from '../support/results.ts';

// What the hook loads beside the cache takes memory too; an export is what the bundler leaves in.
export { serve } from '../../src/main.ts';

export interface Usage {
  readonly cpuSeconds: number;
  readonly rssMb: number;
}

export type CacheHandlers = {
  /** `env`: its settings. Absent: none. */
  sync(cluster: string | { kubeconfigPath: string; env: Readonly<Record<string, string>> }): Promise<Synced>;
  /** How long answers of rule 7 take, to one eviction after the other; milliseconds each. */
  answers(pods: readonly { namespace: string; name: string }[]): Promise<{ ms: number; wrong: number }>;
  follow(until: { namespace: string; name: string; version: number }): Promise<Followed>;
  /** The version that the cache has of a pod; 0 of one that it has not. */
  podVersion(pod: { namespace: string; name: string }): number;
  usage(argument: undefined): Usage;
  quiet(ms: number): Promise<{ busy: number }>;
  peakMb(argument: undefined): number;
};

const POLL_MS = 5;
let core: Core;

async function sync(cluster: Parameters<CacheHandlers['sync']>[0]): Promise<Synced> {
  const { kubeconfigPath, env } = typeof cluster === 'string' ? { kubeconfigPath: cluster, env: {} } : cluster;
  const rssBeforeMb = rssMb();
  const synced = Promise.withResolvers<void>();
  core = await build(kubeconfigPath, env, synced.resolve);
  await sleep(100);
  const blocks = watchLoop();
  const startedAt = performance.now();
  core.start();
  await synced.promise;
  const syncMs = performance.now() - startedAt;
  // What the end of the sync set off is part of it.
  await sleep(200);
  const pods = core.cache.freshness().find(({ kind }) => kind === 'pods')?.objects ?? 0;
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
  const agreedAt = () => core.cache.freshness().find(({ kind }) => kind === 'pods')?.agreedAt;
  const before = agreedAt();
  while (agreedAt() === before) await sleep(POLL_MS);
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  while (podVersion({ namespace, name }) < version) await sleep(POLL_MS);
  const seconds = (performance.now() - startedAt) / 1000;
  return { seconds, cpuSeconds: cpuSeconds(cpu), longestBlockMs: blocks(), rssMb: rssMb() };
}

function podVersion({ namespace, name }: { namespace: string; name: string }): number {
  return Number(core.cache.pods.get(storeKey({ namespace, name }))?.resourceVersion ?? 0);
}

async function quiet(ms: number): Promise<{ busy: number }> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await sleep(ms);
  return { busy: (cpuSeconds(cpu) * 1000) / (performance.now() - startedAt) };
}

async function answers(pods: readonly { namespace: string; name: string }[]) {
  const { signal } = new AbortController();
  let wrong = 0;
  const startedAt = performance.now();
  for (const { namespace, name } of pods) {
    const request = { isEviction: true, namespace, name, username: 'bench', dryRun: false };
    const { reason } = await core.admitter.admit(request, signal);
    if (reason !== 'Waiting' && reason !== 'Stalled') wrong++;
  }
  return { ms: (performance.now() - startedAt) / pods.length, wrong };
}

async function build(
  kubeconfigPath: string,
  env: Readonly<Record<string, string>>,
  onSynced: () => void,
): Promise<Core> {
  const connection = await openConnection(() => loadKubeConfig({ KUBECONFIG: kubeconfigPath }), systemClock);
  return createCore({
    client: createApiClient(connection, systemClock),
    settings: policySettingsOf(readConfig(env, (path) => readFileSync(path, 'utf-8'))),
    clock: systemClock,
    random: Math.random,
    log: { debug: () => undefined, info: () => undefined, warn: complain, error: complain },
    instance: 'bench',
    on: { onSynced },
  });
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

answerCalls({ sync, answers, follow, podVersion, usage, quiet, peakMb } satisfies CacheHandlers);
