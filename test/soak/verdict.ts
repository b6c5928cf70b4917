import { GONE_AFTER_MS } from '../../src/policy/entry-lifecycle.ts';
import type { ReplicaSample, SoakRecord } from './record.ts';
import { plannedMs, SPELLS, type SpellName } from './spells.ts';
import { least, median, type Point, type Trend, type Typical, trendOf } from './trend.ts';

export interface Finding {
  readonly what: string;
  readonly value: string;
  readonly wanted: string;
  readonly isGood: boolean;
  /** Is neither good nor bad, then. */
  readonly isInformation?: true;
}

/** Shorter runs than this say nothing about growth. */
export const JUDGED_FROM_MS = 10 * 60_000;
/** Caches fill and code is compiled in the first half. */
const JUDGED_FROM_SHARE = 0.5;
/**
 * When the first heap snapshot is taken. From then on V8 follows each object that it moves, and takes more and more memory for that.
 * So growth is judged in the second half of what comes before it.
 */
export const SNAPSHOT_SHARE = 0.8;
/** Each name that does not come back is remembered for an hour, so until then there are more of all that it is made of. */
const FULL_AFTER_MS = GONE_AFTER_MS;
/** Above the floor nothing may grow by more than a tenth of its level, whatever the error is. */
const MOST_SHARE = 0.1;
/** A certificate is renewed after half of its lifetime; a fault may put that off. */
const RENEWALS_SHARE = 0.5;
/** A spell is cast and ended between two rounds, and some rounds are long. */
const SPELLS_SHARE = 0.5;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A growth of what is alive that is none, by share of it: code that is compiled late. */
const ALIVE_SHARE = 0.05;
/** Half as often as authorities are to be replaced. */
const AUTHORITY_EVERY_MS = 40 * MINUTE_MS;

/** What is followed, and how. */
const FOLLOWED: readonly Followed[] = [
  { key: 'rssMb', what: 'resident memory', unit: ' MB', step: 0.5, floor: 4, typical: least },
  { key: 'heapMb', what: 'heap used', unit: ' MB', step: 0.5, floor: 2, typical: least },
  { key: 'externalMb', what: 'memory outside of the heap', unit: ' MB', step: 0.5, floor: 2, typical: least },
  { key: 'fds', what: 'open files and sockets', unit: '', step: 2, floor: 2, typical: median },
  { key: 'handles', what: 'active handles', unit: '', step: 2, floor: 2, typical: median },
  {
    key: 'timers',
    what: 'timers beside those of remembered names',
    unit: '',
    step: 2,
    floor: 2,
    typical: median,
  },
  { key: 'entries', what: 'entries, those of names that are gone too', unit: '', step: 1, floor: 2, typical: least },
];

interface Followed {
  readonly key: keyof ReplicaSample | 'entries';
  readonly what: string;
  readonly unit: string;
  /** One step of it, such as one connection more, or the page that holds one object more. That is no growth. */
  readonly step: number;
  /** What a run may grow that is too short to be judged by its error. */
  readonly floor: number;
  readonly typical: Typical;
}

export function findingsOf(record: SoakRecord): Finding[] {
  const problems = [...record.rounds.flatMap((round) => round.problems), ...record.problems];
  const mostMoves = Math.max(0, ...record.rounds.map((round) => round.mostMoves));
  const { rounds, entriesLeft, unfinished } = record;
  return [
    { what: 'the run', value: unfinished ?? 'finished', wanted: 'finished', isGood: unfinished === undefined },
    { what: 'rounds ended', value: String(rounds.length), wanted: 'at least 1', isGood: rounds.length > 0 },
    { what: 'problems', value: String(problems.length), wanted: '0', isGood: problems.length === 0 },
    { what: 'most moves of a pod in one drain', value: String(mostMoves), wanted: '1', isGood: mostMoves === 1 },
    {
      what: 'entries left of names that are there',
      value: String(entriesLeft ?? 'not counted'),
      wanted: '0',
      isGood: entriesLeft === 0,
    },
    renewals(record),
    authorities(record),
    ...SPELLS.map((name) => cast(record, name)),
    reminders(record),
    ...FOLLOWED.map((one) => growth(record, one)),
    ...heap(record),
  ];
}

/** As it is printed. */
export function lineOf({ what, value, wanted, isGood, isInformation }: Finding): string {
  const sign = isGood ? 'good' : 'BAD ';
  return `${isInformation ? 'info' : sign}  ${what}: ${value} (${wanted})`;
}

function renewals({ durationMs, renewEveryMs, renewals: count }: SoakRecord): Finding {
  const wanted = Math.floor((durationMs / renewEveryMs) * RENEWALS_SHARE);
  return {
    what: 'certificates renewed by the steady replica',
    value: String(count),
    wanted: `at least ${wanted}`,
    isGood: count >= wanted,
  };
}

function authorities({ durationMs, authorities: count }: SoakRecord): Finding {
  const wanted = Math.floor(durationMs / AUTHORITY_EVERY_MS);
  return {
    what: 'authorities replaced',
    value: String(count),
    wanted: `at least ${wanted}`,
    isGood: count >= wanted,
  };
}

function cast({ spells, durationMs }: SoakRecord, name: SpellName): Finding {
  const ms = spells.reduce((sum, spell) => (spell.name === name ? sum + spell.toMs - spell.fromMs : sum), 0);
  const wanted = SPELLS_SHARE * plannedMs(name, durationMs);
  return { what: name, value: minutes(ms), wanted: `at least ${minutes(wanted)}`, isGood: ms >= wanted };
}

const minutes = (ms: number) => `${(ms / MINUTE_MS).toFixed(1)} minutes`;

function reminders({ reminders: count }: SoakRecord): Finding {
  const what = 'kubelets reminded of a pod, of which hooks hear, too';
  return { what, value: String(count), wanted: 'for information', isGood: true, isInformation: true };
}

/**
 * Flat is what has a line through the second half whose growth is one step, or within its error. An error that is large hides no
 * growth of a tenth. Until names have been remembered for an hour there is more of everything, so a shorter run is judged by the floor as well.
 */
function growth(record: SoakRecord, followed: Followed): Finding {
  const { key, what, unit, step, floor, typical } = followed;
  const { durationMs, snapshotAtMs: toMs = durationMs } = record;
  const fromMs = JUDGED_FROM_SHARE * toMs;
  const points = seriesOf(record, key);
  const trend = trendOf(points, fromMs, toMs, typical);
  const isJudged = toMs >= JUDGED_FROM_MS;
  const isFull = fromMs >= FULL_AFTER_MS;
  const most = isFull ? step : floor;
  const wanted = `within its error and at most a tenth of the level, or at most ${most}${unit}${isFull ? '' : ', as the run is short'}`;
  // Those of names have been taken from the timers.
  const all = key === 'timers' ? trendOf(pointsOf(record, key), fromMs, toMs, typical) : trend;
  return {
    what: `growth of ${what} in the second half`,
    value: trend === undefined ? 'unknown' : describe(trend, unit, toMs - fromMs),
    ...judged(isJudged, wanted, trend !== undefined && isFlat(trend, all?.level ?? 0, most)),
  };
}

const judged = (isJudged: boolean, wanted: string, isGood: boolean): Omit<Finding, 'what' | 'value'> =>
  isJudged ? { wanted, isGood } : { wanted: NOT_JUDGED, isGood: true, isInformation: true };

function isFlat({ growth, error }: Trend, level: number, most: number): boolean {
  if (growth <= most) return true;
  return growth <= error && growth <= MOST_SHARE * level;
}

function seriesOf(record: SoakRecord, key: Followed['key']): Point[] {
  if (key === 'timers') return timersBesideNames(record);
  if (key !== 'entries') return pointsOf(record, key);
  return record.samples.flatMap(({ atMs, entries }) => (entries === undefined ? [] : [{ x: atMs, y: entries }]));
}

/** By the day as well, so that it can be judged what months would make of it. */
function describe({ growth, error, level }: Trend, unit: string, fittedMs: number): string {
  const days = fittedMs / DAY_MS;
  const daily = `${(growth / days).toFixed(1)} ± ${(error / days).toFixed(1)}${unit} a day`;
  const fitted = `${growth.toFixed(1)} ± ${error.toFixed(1)}${unit} in ${minutes(fittedMs)}`;
  return `${fitted} at a level of ${level.toFixed(1)}${unit}; ${daily}`;
}

const NOT_JUDGED = 'not judged in so short a run';

/** A kind of object that became half as many again, and so many more. */
const GROWN = { share: 0.5, count: 1_000 };

function heap({ heap, durationMs, snapshotAtMs, unfinished }: SoakRecord): Finding[] {
  if (heap === undefined) {
    const isMissing = unfinished === undefined && durationMs >= FULL_AFTER_MS;
    const wanted = 'to be compared in runs of an hour and more';
    return isMissing ? [{ what: 'heaps', value: 'not compared', wanted, isGood: false }] : [];
  }
  const grown = heap.kinds.filter(
    ({ before, after }) => after.count - before.count > Math.max(GROWN.count, GROWN.share * before.count),
  );
  const isJudged = snapshotAtMs !== undefined && snapshotAtMs >= FULL_AFTER_MS;
  const [before, after] = [heap.before.bytes, heap.after.bytes].map((bytes) => bytes / 1e6) as [number, number];
  return [
    {
      what: 'alive in the heap, from the first snapshot to the second',
      value: `${before.toFixed(1)} → ${after.toFixed(1)} MB`,
      ...judged(isJudged, `at most ${100 * ALIVE_SHARE} % more`, after <= (1 + ALIVE_SHARE) * before),
    },
    {
      what: 'kinds of objects in the heap that became many more',
      value: grown.length === 0 ? '0' : grown.map(({ name }) => name).join(', '),
      ...judged(isJudged, `0 by half and by more than ${GROWN.count}`, grown.length === 0),
    },
  ];
}

/** The faster the rounds, the more names are remembered at a time, each with a timer. An older record does not say how many. */
function timersBesideNames({ samples }: SoakRecord): Point[] {
  return samples.flatMap(({ atMs, replicas: { steady } }) => {
    const y = (steady?.timers ?? Number.NaN) - (steady?.remembered ?? 0);
    return Number.isFinite(y) ? [{ x: atMs, y }] : [];
  });
}

/** One series of the steady replica. */
export function pointsOf({ samples }: SoakRecord, key: keyof ReplicaSample): Point[] {
  return samples.flatMap(({ atMs, replicas }) => {
    const y = replicas.steady?.[key];
    return y === undefined || !Number.isFinite(y) ? [] : [{ x: atMs, y }];
  });
}
