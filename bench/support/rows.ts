/** From results to lines of the table, with the targets of the issue. */
import type { CacheResult } from '../phases/cache.ts';
import type { PruneResult } from '../phases/controller.ts';
import type { CaseResult, Evictions } from '../phases/evictions.ts';
import type { Synced } from '../processes/cache.ts';
import type { LoadResult } from '../processes/load.ts';
import { atLeast, atMost, below, count, type Figure, percent, withSpread } from './figures.ts';
import { median, spread } from './statistics.ts';

const perSecond = (value: number) => `${count(value)}/s`;
const ms = (value: number) => `${count(value)} ms`;
const mb = (value: number) => `${count(Math.round(value))} MB`;
const ratio = (value: number) => percent(value);

export function evictionRows({ cases, quiet }: Evictions): Figure[] {
  return [
    ...cases.flatMap((one) => [...caseRows(one), callsRow(one)]),
    {
      area: 'quiet',
      what: 'CPU of a quiet hook, of one core',
      shown: percent(quiet),
      target: below(quiet * 100, 1, '%'),
      values: { share: quiet },
    },
  ];
}

function caseRows({ name, rounds }: CaseResult): Figure[] {
  const area = `eviction: ${name}`;
  const hook = rounds.map((round) => round.hook);
  const rates = spread(hook.map((round) => round.perSecond));
  const ratios = spread(rounds.map((round) => round.hook.perSecond / round.echo.perSecond));
  const p50 = spread(hook.map(({ p50Ms }) => p50Ms));
  const p99 = spread(hook.map(({ p99Ms }) => p99Ms));
  const isWaiting = name === 'waiting';
  const rows: Figure[] = [
    { area, what: 'answers', shown: withSpread(rates, perSecond), values: { ...rates } },
    {
      area,
      what: 'of the bare HTTPS echo',
      shown: withSpread(ratios, ratio),
      ...(isWaiting ? { target: atLeast(ratios.median * 100, 50, '%') } : {}),
      values: { ...ratios },
    },
    cpuRow(area, rounds),
    { area, what: 'p50', shown: withSpread(p50, ms), values: { ...p50 } },
    {
      area,
      what: 'p99',
      shown: withSpread(p99, ms),
      ...(isWaiting ? { target: below(p99.median, 10, 'ms') } : {}),
      values: { ...p99 },
    },
    ...referenceRows(area, rounds),
    ...limitRows(
      area,
      name,
      rounds.map(({ echo }) => echo),
    ),
  ];
  return rows;
}

function cpuRow(area: string, rounds: CaseResult['rounds']): Figure {
  const ours = spread(rounds.map(({ hookCpuUs }) => hookCpuUs));
  const ratios = spread(rounds.map(({ hookCpuUs, echoCpuUs }) => hookCpuUs / echoCpuUs));
  const shown = `${count(ours.median)} µs, ${count(ratios.median)} times that of the echo`;
  return { area, what: 'CPU per answer', shown, values: { us: ours.median, ...ratios } };
}

/** Only where another hook was measured beside. */
function referenceRows(area: string, rounds: CaseResult['rounds']): Figure[] {
  const pairs = rounds.flatMap(({ hook, reference }) => (reference ? [hook.perSecond / reference.perSecond] : []));
  if (pairs.length === 0) return [];
  const ratios = spread(pairs);
  return [{ area, what: 'of the other hook', shown: withSpread(ratios, ratio), values: { ...ratios } }];
}

/** What the echo did, and whether the load generator was what held it up. */
function limitRows(area: string, name: string, echo: readonly LoadResult[]): Figure[] {
  if (name !== 'waiting') return [];
  const rates = spread(echo.map((round) => round.perSecond));
  const busy = median(echo.map((round) => round.busy));
  return [
    { area, what: 'the echo itself', shown: withSpread(rates, perSecond), values: { ...rates } },
    { area, what: 'load generator at the echo, of one core', shown: percent(busy), values: { share: busy } },
  ];
}

function callsRow({ name, calls, answers }: CaseResult): Figure {
  const reads = calls.reads / answers;
  const writes = calls.writes / answers;
  const values = { reads, writes };
  const shown = `${count(reads)} reads, ${count(writes)} writes`;
  const row = { area: `eviction: ${name}`, what: 'API calls per answer', shown, values };
  if (name === 'waiting') return { ...row, target: { text: 'none', met: reads + writes < 0.001 } };
  if (name === 'first mark')
    return { ...row, target: { text: 'no read, at most 2 writes', met: reads < 0.01 && writes <= 2.01 } };
  return row;
}

interface Limits {
  readonly syncMs?: number;
  readonly blockMs?: number;
  readonly rssMb?: number;
  readonly eventsPerSecond?: number;
}

const LIMITS: Readonly<Record<number, Limits>> = {
  20000: { syncMs: 5_000, blockMs: 50, rssMb: 150, eventsPerSecond: 8_000 },
  100000: { rssMb: 400 },
};

export function cacheRows(result: CacheResult, modifications: number): Figure[] {
  const { pods, synced, followed, peakMb } = result;
  const limits = LIMITS[pods] ?? {};
  const area = `cache: ${count(pods)} pods`;
  const rssMb = followed.at(-1)?.rssMb ?? Number.NaN;
  const rates = spread(followed.map(({ seconds }) => modifications / seconds));
  const block = Math.max(synced.longestBlockMs, ...followed.map(({ longestBlockMs }) => longestBlockMs));
  const costs = spread(followed.map((round) => (round.cpuSeconds * 1e6) / modifications));
  return [
    row(area, 'time to sync', synced.syncMs, ms, limits.syncMs, (value, limit) =>
      below(value / 1000, limit / 1000, 's'),
    ),
    row(area, 'longest block of the event loop', block, ms, limits.blockMs, (value, limit) =>
      below(value, limit, 'ms'),
    ),
    { area, what: '  of it while syncing', shown: ms(synced.longestBlockMs), values: { ms: synced.longestBlockMs } },
    { area, what: 'RSS before the cache starts', shown: mb(synced.rssBeforeMb), values: { mb: synced.rssBeforeMb } },
    row(area, 'RSS after the sync', synced.rssMb, mb, limits.rssMb, (value, limit) => below(value, limit, 'MB')),
    row(area, `RSS after ${count(followed.length * modifications)} changes`, rssMb, mb, limits.rssMb, (value, limit) =>
      below(value, limit, 'MB'),
    ),
    { area, what: 'RSS at its peak', shown: mb(peakMb), values: { mb: peakMb } },
    {
      area,
      what: 'events',
      shown: withSpread(rates, perSecond),
      ...(limits.eventsPerSecond ? { target: atLeast(rates.median, limits.eventsPerSecond, '/s') } : {}),
      values: { ...rates },
    },
    { area, what: 'CPU per event', shown: withSpread(costs, (us) => `${count(us)} µs`), values: { ...costs } },
    {
      area,
      what: 'CPU while quiet, of one core',
      shown: percent(result.quiet),
      target: below(result.quiet * 100, 1, '%'),
      values: { share: result.quiet },
    },
    {
      area,
      what: 'the stand-in during changes, of one core',
      shown: percent(result.standInBusy),
      values: { share: result.standInBusy },
    },
  ];
}

function row(
  area: string,
  what: string,
  value: number,
  show: (value: number) => string,
  limit: number | undefined,
  target: (value: number, limit: number) => NonNullable<Figure['target']>,
): Figure {
  return {
    area,
    what,
    shown: show(value),
    ...(limit === undefined ? {} : { target: target(value, limit) }),
    values: { value },
  };
}

/** Noise between sizes is a fifth at least; growth with the number of objects would be many times that. */
export function growthRow(results: readonly CacheResult[]): Figure[] {
  const [least, ...others] = results;
  const most = others.at(-1);
  if (least === undefined || most === undefined) return [];
  const cost = ({ followed }: CacheResult) => median(followed.map(({ cpuSeconds }) => cpuSeconds));
  const growth = cost(most) / cost(least);
  const what = `CPU per event at ${count(most.pods)} pods, of that at ${count(least.pods)}`;
  return [
    { area: 'cache: growth', what, shown: percent(growth), target: atMost(growth * 100, 150, '%'), values: { growth } },
  ];
}

export function realCacheRows(pods: number, synced: Synced): Figure[] {
  const area = `cache: ${count(pods)} pods, real API server`;
  return [
    { area, what: 'time to sync', shown: ms(synced.syncMs), values: { ms: synced.syncMs } },
    {
      area,
      what: 'longest block of the event loop',
      shown: ms(synced.longestBlockMs),
      values: { ms: synced.longestBlockMs },
    },
    { area, what: 'RSS after the sync', shown: mb(synced.rssMb), values: { mb: synced.rssMb } },
  ];
}

export function pruneRows({ entries, firstMs, lastMs, callsPerEntry }: PruneResult): Figure[] {
  const area = `controller: ${count(entries)} ${entries === 1 ? 'entry' : 'entries'}`;
  if (entries === 1) return [{ area, what: 'due to pruned', shown: ms(lastMs), values: { ms: lastMs } }];
  return [
    { area, what: 'due to the first pruned', shown: ms(firstMs), values: { ms: firstMs } },
    {
      area,
      what: 'due to the last pruned',
      shown: ms(lastMs),
      values: { ms: lastMs, perSecond: (entries * 1000) / lastMs },
    },
    { area, what: 'API calls per entry', shown: count(callsPerEntry), values: { calls: callsPerEntry } },
  ];
}
