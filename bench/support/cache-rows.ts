/** From what the cache did to lines of the table, with the targets (docs/performance.md). */
import { atLeast, atMost, below, count, type Figure, mb, ms, percent, perSecond, us, withSpread } from './figures.ts';
import type { CacheResult, RealCacheResult } from './results.ts';
import { median, spread } from './statistics.ts';

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
    ...grownRows(area, followed, modifications, limits.rssMb),
    { area, what: 'RSS at its peak', shown: mb(peakMb), values: { mb: peakMb } },
    {
      area,
      what: 'events',
      shown: withSpread(rates, perSecond),
      ...(limits.eventsPerSecond ? { target: atLeast(rates.median, limits.eventsPerSecond, '/s') } : {}),
      values: { ...rates },
    },
    { area, what: 'CPU per event', shown: withSpread(costs, us), values: { ...costs } },
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

/** After the first changes, which have a target, and after all: that it does not go on growing. */
function grownRows(
  area: string,
  followed: CacheResult['followed'],
  modifications: number,
  limit: number | undefined,
): Figure[] {
  const after = (rounds: number, rssLimit?: number) =>
    row(
      area,
      `RSS after ${count(rounds * modifications)} changes`,
      followed[rounds - 1]?.rssMb ?? Number.NaN,
      mb,
      rssLimit,
      (value, most) => below(value, most, 'MB'),
    );
  return followed.length > 1 ? [after(1, limit), after(followed.length)] : [after(1, limit)];
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

export function realCacheRows(result: RealCacheResult, changes: number): Figure[] {
  const { synced, seconds, cpuSeconds, rssMb } = result;
  const area = `cache: ${count(synced.pods)} pods, real API server`;
  const rate = changes / seconds;
  const cost = (cpuSeconds * 1e6) / changes;
  return [
    { area, what: 'time to sync', shown: ms(synced.syncMs), values: { ms: synced.syncMs } },
    {
      area,
      what: 'longest block of the event loop',
      shown: ms(synced.longestBlockMs),
      values: { ms: synced.longestBlockMs },
    },
    { area, what: 'RSS after the sync', shown: mb(synced.rssMb), values: { mb: synced.rssMb } },
    { area, what: `RSS after ${count(changes)} changes`, shown: mb(rssMb), values: { mb: rssMb } },
    { area, what: 'events, as fast as it writes', shown: perSecond(rate), values: { perSecond: rate } },
    { area, what: 'CPU per event', shown: us(cost), values: { us: cost } },
  ];
}
