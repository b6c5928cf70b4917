import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../support/context.ts';
import { scrape } from '../support/hook-metrics.ts';
import { cpuSecondsOf } from '../support/process-cpu.ts';
import type { CaseResult, Evictions } from '../support/results.ts';
import { NAMESPACE, type Pods, type World } from '../support/world.ts';
import { type Asked, type Case, planOf, Rounds } from './rounds.ts';

/** Another hook, and the pods that it is asked about. */
export interface OtherHook {
  readonly port: number;
  readonly pods: Pods;
}

/** Every kind of eviction, on a real API server. */
export async function measureEvictions(context: Context, world: World, other?: OtherHook): Promise<Evictions> {
  const hook = await context.startHook(world.kubeconfigPath);
  const rounds = new Rounds(context, hook, other?.port);
  const quiet = await cpuWhileQuiet(context, hook);
  const cases: CaseResult[] = [];
  for (const one of casesOf(world.pods, other?.pods)) cases.push(await rounds.run(one));
  return { cases, quiet };
}

/** Another hook may mark in other words, and take the entry of a released pod away when it answers. */
function casesOf(ours: Pods, others: Pods | undefined): Case[] {
  const asked = (pods: readonly string[], expected: string): Asked => ({ namespace: NAMESPACE, pods, expected });
  const waits = '"code":429';
  const allowed = '"allowed":true';
  const released = '"code":404';
  return [
    { name: 'waiting', ours: asked(ours.waiting, waits), others: others && asked(others.waiting, waits) },
    {
      name: 'unprotected',
      ours: asked(ours.unprotected, allowed),
      others: others && asked(others.unprotected, allowed),
    },
    {
      name: 'first mark',
      ours: { ...asked(ours.fresh, 'Reschedule annotation added'), once: true },
      others: others && { ...asked(others.fresh, waits), once: true },
    },
    {
      name: 'released',
      ours: asked(ours.released, released),
      others: others && { ...asked(others.released, released), once: true },
    },
  ];
}

async function cpuWhileQuiet(
  { quick, progress, signal }: Context,
  { pid, healthUrl }: { readonly pid: number; readonly healthUrl: string },
): Promise<number> {
  const { quietMs } = planOf(quick);
  // To ask the hook itself would be work for it.
  const cpuSeconds = async () => (await cpuSecondsOf(pid)) ?? (await scrape(healthUrl)).cpuSeconds;
  progress(`leaving the hook alone for ${quietMs / 1000} s`);
  await sleep(1_000);
  const before = await cpuSeconds();
  const startedAt = performance.now();
  await sleep(quietMs, undefined, { signal });
  return ((await cpuSeconds()) - before) / ((performance.now() - startedAt) / 1000);
}
