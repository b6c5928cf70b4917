import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StandInHandlers } from '../processes/stand-in.ts';
import type { Size, Written } from '../support/cluster-state.ts';
import type { Context } from '../support/context.ts';
import { scrape } from '../support/hook-metrics.ts';
import type { TenantResult } from '../support/results.ts';

interface Case {
  readonly name: string;
  readonly pods: number;
  readonly clusters: number;
  readonly written?: Written;
  /** How many marked pods come and go before the cordon. */
  readonly passing?: number;
}

/** The first two blocked the event loop for 8 to 15 s, the others took 625 MB and all memory. */
const CASES: readonly Case[] = [
  { name: '20 clusters, 12,500 made-up entries each', pods: 1_000, clusters: 20, written: { madeUpEntries: 12_500 } },
  { name: '100,000 marked pods come and go', pods: 1_000, clusters: 20, passing: 100_000 },
  { name: '200 pods of 1.2 MB', pods: 200, clusters: 1, written: { padding: 1_200_000 } },
  { name: '1,100 pods, 250 KiB in each mark', pods: 1_100, clusters: 1, written: { mark: 250 * 1024 } },
];

/** What a tenant can write into its own objects: a sync, a scrape and a cordon each, by the hook as in its image. */
export async function measureTenants(context: Context): Promise<TenantResult[]> {
  const results: TenantResult[] = [];
  for (const one of CASES) results.push(await measure(context, one));
  return results;
}

async function measure(context: Context, { name, pods, clusters, written, passing }: Case): Promise<TenantResult> {
  context.progress(`tenants: ${name}`);
  const standIn = context.start<StandInHandlers>('stand-in');
  const size: Size = { pods, nodes: 10, clusters, entries: 0, onCordonedNode: false, ...(written && { written }) };
  const hook = await context.startHook(
    await context.kubeconfig(await standIn.call('start', { size, ...context.serving })),
  );
  // It is ready before it watches.
  await sleep(1_000);
  if (passing !== undefined) {
    await standIn.call('comeAndGo', passing);
    await untilQuiet(hook.healthUrl);
  }
  const synced = await rested(hook.healthUrl);
  // What this scrape blocks is in the answer to the next one.
  await scrape(hook.healthUrl);
  const scraped = await rested(hook.healthUrl);
  await standIn.call('cordon', undefined);
  const cordoned = await rested(hook.healthUrl);
  const peakMb = await peakOf(hook.pid);
  await hook.stop();
  await standIn.stop();
  return {
    name,
    syncBlockMs: synced.blockMs,
    scrapeBlockMs: scraped.blockMs,
    cordonBlockMs: cordoned.blockMs,
    rssMb: cordoned.rssMb,
    peakMb,
  };
}

async function rested(healthUrl: string) {
  await sleep(2_000);
  return scrape(healthUrl);
}

/** Until it uses less than a tenth of a core. */
async function untilQuiet(healthUrl: string): Promise<void> {
  for (let before = await scrape(healthUrl); ; ) {
    const now = await rested(healthUrl);
    if (now.cpuSeconds - before.cpuSeconds < 0.2) return;
    before = now;
  }
}

/** The most memory that the process ever had, as Linux counts it. */
async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf-8');
  return (Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6;
}
