import { writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { describeError } from '../src/kube/errors.ts';
import { MODIFICATIONS, measureCache, measureRealCache, podCounts, REAL_CHANGES } from './phases/cache.ts';
import { entryCounts, measurePruning } from './phases/controller.ts';
import { measureEvictions, type OtherHook } from './phases/evictions.ts';
import { measureProfiles } from './phases/profiles.ts';
import { isReferenceNamed, startReference } from './phases/reference.ts';
import { measureTenants } from './phases/tenants.ts';
import { measureUnprotected } from './phases/unprotected.ts';
import { measureUpgrade } from './phases/upgrade.ts';
import { buildProcesses } from './support/build.ts';
import { cacheRows, growthRow, realCacheRows } from './support/cache-rows.ts';
import { type Context, withContext } from './support/context.ts';
import { pruneRows } from './support/controller-rows.ts';
import { evictionRows, rowsOfCase } from './support/eviction-rows.ts';
import { type Figure, isBad, type Machine, tableOf } from './support/figures.ts';
import { type Flags, HELP, type Phase, readFlags, UsageError } from './support/flags.ts';
import { profileRows } from './support/profile-rows.ts';
import { tenantRows } from './support/tenant-rows.ts';
import { upgradeRows } from './support/upgrade-rows.ts';
import { createPodsOfOther, createWorld, type World } from './support/world.ts';

const PHASES: Readonly<Record<Phase, (context: Context) => Promise<Figure[]>>> = {
  async evictions(context) {
    const world = await createWorld(context);
    const real = await measureRealCache(context, world);
    const other = isReferenceNamed() ? await startOther(context, world) : undefined;
    const evictions = await measureEvictions(context, world, other);
    return [...evictionRows(evictions), ...realCacheRows(real, REAL_CHANGES)];
  },
  async unprotected(context) {
    return rowsOfCase(await measureUnprotected(context));
  },
  async cache(context) {
    const results = [];
    for (const pods of podCounts(context.quick)) results.push(await measureCache(context, pods));
    return [...results.flatMap((result) => cacheRows(result, MODIFICATIONS)), ...growthRow(results)];
  },
  async controller(context) {
    const rows: Figure[] = [];
    for (const entries of entryCounts(context.quick)) rows.push(...pruneRows(await measurePruning(context, entries)));
    return rows;
  },
  async tenants(context) {
    return (await measureTenants(context)).flatMap(tenantRows);
  },
  async profiles(context) {
    return profileRows(await measureProfiles(context));
  },
  async upgrade(context) {
    return upgradeRows(await measureUpgrade(context));
  },
};

async function startOther(context: Context, world: World): Promise<OtherHook> {
  const pods = await createPodsOfOther(context, world);
  return { port: await startReference(context, world), pods };
}

/** Runs the phases one after the other, each with a context of its own, so that nothing of one disturbs the next. */
async function bench({ quick, only }: Flags, signal: AbortSignal): Promise<Figure[]> {
  const startedAt = performance.now();
  const progress = (line: string) => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    process.stderr.write(`${seconds.padStart(4)} s  ${line}\n`);
  };
  await buildProcesses();
  const figures: Figure[] = [];
  for (const phase of only) figures.push(...(await withContext({ quick, signal, progress }, PHASES[phase])));
  return figures;
}

function machine(): Machine {
  return { cores: availableParallelism(), memoryGb: Math.round(totalmem() / 2 ** 30), node: process.versions.node };
}

/** Names every figure that is INVALID or MISSED once more, below the table. Returns the exit code. */
function complain(figures: readonly Figure[]): number {
  const bad = figures.filter(isBad);
  for (const { area, what, shown, target } of bad) {
    const wanted = target === undefined ? '' : `, and should be ${target.text}`;
    process.stderr.write(`bench: ${area}: ${what}: ${shown}${wanted}\n`);
  }
  return bad.length > 0 ? 1 : 0;
}

/** `npm run bench`: resolves to the exit code; see HELP for what it means. */
async function main(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupted.abort(new Error('interrupted')));
  }
  try {
    const flags = readFlags(args);
    if (flags.help) {
      process.stdout.write(HELP);
      return 0;
    }
    const figures = await bench(flags, interrupted.signal);
    const { cores, memoryGb, node } = machine();
    process.stdout.write(`\n${cores} cores, ${memoryGb} GB of memory, Node ${node}\n\n${tableOf(figures)}\n`);
    if (flags.json !== undefined) {
      await writeFile(flags.json, `${JSON.stringify({ machine: machine(), figures }, undefined, 2)}\n`);
    }
    return complain(figures);
  } catch (error) {
    process.stderr.write(`bench: ${interrupted.signal.aborted ? 'interrupted' : describeError(error)}\n`);
    if (interrupted.signal.aborted) return 130;
    return error instanceof UsageError ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
