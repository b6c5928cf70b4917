/** From answers to lines of the table, with the targets of the issue. */
import type { CaseResult, Evictions, Totals } from '../phases/evictions.ts';
import { atLeast, below, count, type Figure, ms, percent, perSecond, us, withSpread } from './figures.ts';
import { median, spread } from './statistics.ts';

export function evictionRows({ cases, quiet }: Evictions): Figure[] {
  return [
    ...cases.flatMap((one) => (one.hook.wrong > 0 ? [invalidRow(one)] : [...caseRows(one), callsRow(one)])),
    {
      area: 'quiet',
      what: 'CPU of a quiet hook, of one core',
      shown: percent(quiet),
      target: below(quiet * 100, 1, '%'),
      values: { share: quiet },
    },
  ];
}

/** Of answers to something else no figure is worth showing. */
function invalidRow({ name, hook: { wrong, answers } }: CaseResult): Figure {
  const shown = `${count(wrong)} of ${count(answers)} were not those of this case`;
  return { area: `eviction: ${name}`, what: 'answers', shown, isInvalid: true, values: { wrong, answers } };
}

function caseRows({ name, rounds, reference }: CaseResult): Figure[] {
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
      shown: withSpread(ratios, percent),
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
    ...referenceRows(area, rounds, reference),
    ...limitRows(area, name, rounds),
  ];
  return rows;
}

function cpuRow(area: string, rounds: CaseResult['rounds']): Figure {
  const ours = spread(rounds.map(({ hookCpuUs }) => hookCpuUs));
  const ratios = spread(rounds.map(({ hookCpuUs, echoCpuUs }) => hookCpuUs / echoCpuUs));
  const shown = `${us(ours.median)}, ${count(ratios.median)} times that of the echo`;
  return { area, what: 'CPU per answer', shown, values: { us: ours.median, ...ratios } };
}

/** Only where another hook was measured beside. Its answers may be wrong: that is told, and is no fault of the benchmark's. */
function referenceRows(area: string, rounds: CaseResult['rounds'], { answers, wrong }: Totals): Figure[] {
  const pairs = rounds.flatMap(({ hook, reference }) => (reference ? [{ hook, reference }] : []));
  if (pairs.length === 0) return [];
  const ratios = spread(pairs.map(({ hook, reference }) => hook.perSecond / reference.perSecond));
  const rates = spread(pairs.map(({ reference }) => reference.perSecond));
  const p50 = spread(pairs.map(({ reference }) => reference.p50Ms));
  const p99 = spread(pairs.map(({ reference }) => reference.p99Ms));
  const but = wrong > 0 ? `, but ${count(wrong)} of ${count(answers)} not those of this case` : '';
  return [
    { area, what: 'of the other hook', shown: withSpread(ratios, percent), values: { ...ratios } },
    { area, what: '  its answers', shown: withSpread(rates, perSecond) + but, values: { ...rates, wrong } },
    { area, what: '  its p50', shown: withSpread(p50, ms), values: { ...p50 } },
    { area, what: '  its p99', shown: withSpread(p99, ms), values: { ...p99 } },
  ];
}

/** What the echo did, and whether the load generator was what held it up. */
function limitRows(area: string, name: string, rounds: CaseResult['rounds']): Figure[] {
  if (name !== 'waiting') return [];
  const echo = rounds.map((round) => round.echo);
  const rates = spread(echo.map((round) => round.perSecond));
  const busy = median(echo.map((round) => round.busy));
  return [
    { area, what: 'the echo itself', shown: withSpread(rates, perSecond), values: { ...rates } },
    { area, what: 'load generator at the echo, of one core', shown: percent(busy), values: { share: busy } },
  ];
}

function callsRow({ name, calls, hook }: CaseResult): Figure {
  const reads = calls.reads / hook.answers;
  const writes = calls.writes / hook.answers;
  const values = { reads, writes };
  const shown = `${count(reads)} reads, ${count(writes)} writes`;
  const row = { area: `eviction: ${name}`, what: 'API calls per answer', shown, values };
  if (name === 'waiting') return { ...row, target: { text: 'none', met: reads + writes < 0.001 } };
  if (name === 'first mark')
    return { ...row, target: { text: 'no read, at most 2 writes', met: reads < 0.01 && writes <= 2.01 } };
  return row;
}
