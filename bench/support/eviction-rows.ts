/** From answers to lines of the table, with the targets (docs/performance.md). */
import { atLeast, atMost, below, count, type Figure, ms, percent, perSecond, us, withSpread } from './figures.ts';
import type { CaseResult, Evictions, Totals } from './results.ts';
import { median, spread } from './statistics.ts';

/** What a drainer that waits asks again and again. CPU is in times of the echo's. */
const WAITING = { echoPercent: 30, p99Ms: 20, echoCpu: 4 };
/** Beyond what its one read costs: most evictions of a cluster are of such pods. */
const UNPROTECTED = { echoCpu: 2 };

export function evictionRows({ cases, quiet }: Evictions): Figure[] {
  return [
    ...cases.flatMap(rowsOfCase),
    {
      area: 'quiet',
      what: 'CPU of a quiet hook, of one core',
      shown: percent(quiet),
      target: below(quiet * 100, 1, '%'),
      values: { share: quiet },
    },
  ];
}

export function rowsOfCase(one: CaseResult): Figure[] {
  return one.hook.wrong > 0 ? [invalidRow(one)] : [...caseRows(one), callsRow(one)];
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
  return [
    { area, what: 'answers', shown: withSpread(rates, perSecond), values: { ...rates } },
    {
      area,
      what: 'of the bare HTTPS echo',
      shown: withSpread(ratios, percent),
      ...(isWaiting ? { target: atLeast(ratios.median * 100, WAITING.echoPercent, '%') } : {}),
      values: { ...ratios },
    },
    cpuRow(area, rounds, isWaiting),
    ...readRows(area, rounds),
    { area, what: 'p50', shown: withSpread(p50, ms), values: { ...p50 } },
    {
      area,
      what: 'p99',
      shown: withSpread(p99, ms),
      ...(isWaiting ? { target: below(p99.median, WAITING.p99Ms, 'ms') } : {}),
      values: { ...p99 },
    },
    ...referenceRows(area, rounds, reference),
    ...limitRows(area, isWaiting, rounds),
  ];
}

function cpuRow(area: string, rounds: CaseResult['rounds'], isWaiting: boolean): Figure {
  const ours = spread(rounds.map(({ hookCpuUs }) => hookCpuUs));
  const ratios = spread(rounds.map(({ hookCpuUs, echoCpuUs }) => hookCpuUs / echoCpuUs));
  const shown = `${us(ours.median)}, ${count(ratios.median)} times that of the echo`;
  const target = isWaiting ? { target: atMost(ratios.median, WAITING.echoCpu, 'times') } : {};
  return { area, what: 'CPU per answer', shown, ...target, values: { us: ours.median, ...ratios } };
}

/** Only where the read was measured beside: what of an answer's CPU is its read, and what is the hook's own. */
function readRows(area: string, rounds: CaseResult['rounds']): Figure[] {
  const measured = rounds.flatMap(({ hookCpuUs, echoCpuUs, readCpuUs }) =>
    readCpuUs === undefined ? [] : [{ readCpuUs, echoCpuUs, beyondUs: hookCpuUs - readCpuUs }],
  );
  if (measured.length === 0) return [];
  const read = spread(measured.map(({ readCpuUs }) => readCpuUs));
  const beyond = spread(measured.map(({ beyondUs }) => beyondUs));
  const ratios = spread(measured.map(({ beyondUs, echoCpuUs }) => beyondUs / echoCpuUs));
  return [
    { area, what: '  of it the read of metadata', shown: withSpread(read, us), values: { ...read } },
    {
      area,
      what: '  beyond that read',
      shown: `${us(beyond.median)}, ${count(ratios.median)} times that of the echo`,
      target: atMost(ratios.median, UNPROTECTED.echoCpu, 'times'),
      values: { us: beyond.median, ...ratios },
    },
  ];
}

/** Only where another hook was measured beside. The table reports its wrong answers; they are no fault of the benchmark's. */
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
function limitRows(area: string, isWaiting: boolean, rounds: CaseResult['rounds']): Figure[] {
  if (!isWaiting) return [];
  const echo = rounds.map((round) => round.echo);
  const rates = spread(echo.map((round) => round.perSecond));
  const busy = median(echo.map((round) => round.busy));
  return [
    { area, what: 'the echo itself', shown: withSpread(rates, perSecond), values: { ...rates } },
    { area, what: 'load generator at the echo, of one core', shown: percent(busy), values: { share: busy } },
  ];
}

function callsRow({ name, calls, wholePodReads, hook }: CaseResult): Figure {
  const reads = calls.reads / hook.answers;
  const writes = calls.writes / hook.answers;
  const shown = `${count(reads)} reads, ${count(writes)} writes`;
  const row = { area: `eviction: ${name}`, what: 'API calls per answer', shown, values: { reads, writes } };
  if (wholePodReads !== undefined) {
    const met = reads < 1.01 && writes < 0.001 && wholePodReads === 0;
    const but = wholePodReads > 0 ? `; ${count(wholePodReads)} reads were of whole pods` : '';
    return { ...row, shown: shown + but, target: { text: 'one read, of metadata', met } };
  }
  if (name === 'waiting') return { ...row, target: { text: 'none', met: reads + writes < 0.001 } };
  if (name === 'first mark')
    return { ...row, target: { text: 'no read, at most 2 writes', met: reads < 0.01 && writes <= 2.01 } };
  return row;
}
