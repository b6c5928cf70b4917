import { writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { describeError } from '../src/kube/errors.ts';
import { MODIFICATIONS, measureCache, measureRealCache } from './phases/cache.ts';
import { measurePruning } from './phases/controller.ts';
import { freshPods, measureEvictions, planOf } from './phases/evictions.ts';
import { isReferenceNamed, startReference } from './phases/reference.ts';
import { buildProcesses } from './support/build.ts';
import { type Context, withContext } from './support/context.ts';
import { type Figure, type Machine, tableOf } from './support/figures.ts';
import { type Flags, HELP, type Phase, readFlags, UsageError } from './support/flags.ts';
import { cacheRows, evictionRows, growthRow, pruneRows, realCacheRows } from './support/rows.ts';
import { createWorld, selectedPods } from './support/world.ts';

const PHASES: Readonly<Record<Phase, (context: Context) => Promise<Figure[]>>> = {
  async evictions(context) {
    const world = await createWorld(context, freshPods(planOf(context.quick)), isReferenceNamed());
    const real = await measureRealCache(context, world.kubeconfigPath);
    const referencePort = await startReference(context, world.kubeconfigPath);
    const evictions = await measureEvictions(context, world, referencePort);
    return [...evictionRows(evictions), ...realCacheRows(selectedPods(world), real)];
  },
  async cache(context) {
    const results = [];
    for (const pods of context.quick ? [1_000, 20_000] : [1_000, 20_000, 100_000]) {
      results.push(await measureCache(context, pods));
    }
    return [...results.flatMap((result) => cacheRows(result, MODIFICATIONS)), ...growthRow(results)];
  },
  async controller(context) {
    const rows: Figure[] = [];
    for (const entries of context.quick ? [1, 1_000] : [1, 10_000]) {
      rows.push(...pruneRows(await measurePruning(context, entries)));
    }
    return rows;
  },
};

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
    return 0;
  } catch (error) {
    process.stderr.write(`bench: ${interrupted.signal.aborted ? 'interrupted' : describeError(error)}\n`);
    if (interrupted.signal.aborted) return 130;
    return error instanceof UsageError ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
