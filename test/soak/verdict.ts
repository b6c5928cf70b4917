import { GONE_AFTER_MS } from '../../src/policy/entry-lifecycle.ts';
import type { ReplicaSample, SoakRecord } from './record.ts';
import { type Point, type Trend, trendOf } from './trend.ts';

export interface Finding {
  readonly what: string;
  readonly value: string;
  readonly wanted: string;
  readonly isGood: boolean;
}

/** Shorter runs than this say nothing about growth. */
export const JUDGED_FROM_MS = 10 * 60_000;
/** Caches fill and code is compiled in the first half. */
const JUDGED_FROM_SHARE = 0.5;
/** When the first heap snapshot is taken. It takes memory, so it comes before the part that is judged. */
export const SNAPSHOT_SHARE = 0.4;
/** Each name that does not come back is remembered for an hour, so until then there are more of all that it is made of. */
const FULL_AFTER_MS = GONE_AFTER_MS;
/** Whatever the error is, nothing may grow by more than a tenth of its level. */
const MOST_SHARE = 0.1;
/** A certificate is renewed after half of its lifetime; a fault may put that off. */
const RENEWALS_SHARE = 0.5;

/** What is followed, and a growth so small that it is none: code that is compiled late, or one more connection. */
const FOLLOWED: readonly Followed[] = [
  { key: 'rssMb', what: 'resident memory', unit: ' MB', floor: 4 },
  { key: 'heapMb', what: 'heap used', unit: ' MB', floor: 2 },
  { key: 'fds', what: 'open files and sockets', unit: '', floor: 2 },
  { key: 'handles', what: 'active handles', unit: '', floor: 2 },
  { key: 'timers', what: 'timers', unit: '', floor: 5, judgedFromMs: FULL_AFTER_MS / JUDGED_FROM_SHARE },
];

interface Followed {
  readonly key: keyof ReplicaSample;
  readonly what: string;
  readonly unit: string;
  readonly floor: number;
  /** Shorter runs say nothing about it. Default: JUDGED_FROM_MS. */
  readonly judgedFromMs?: number;
}

export function findingsOf(record: SoakRecord): Finding[] {
  const problems = [...record.rounds.flatMap((round) => round.problems), ...record.problems];
  const mostMoves = Math.max(0, ...record.rounds.map((round) => round.mostMoves));
  const { rounds, entriesLeft } = record;
  return [
    { what: 'rounds ended', value: String(rounds.length), wanted: 'at least 1', isGood: rounds.length > 0 },
    { what: 'problems', value: String(problems.length), wanted: '0', isGood: problems.length === 0 },
    { what: 'most moves of a pod in one drain', value: String(mostMoves), wanted: '1', isGood: mostMoves === 1 },
    { what: 'entries left', value: String(entriesLeft), wanted: '0', isGood: entriesLeft === 0 },
    renewals(record),
    ...FOLLOWED.map((one) => growth(record, one)),
    ...heap(record),
  ];
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

/**
 * Flat is what has a line through the second half whose growth is within its error, or below the floor. An error that is large
 * hides no growth of a tenth.
 */
function growth(record: SoakRecord, { key, what, unit, floor, judgedFromMs = JUDGED_FROM_MS }: Followed): Finding {
  const { durationMs } = record;
  const trend = trendOf(pointsOf(record, key), JUDGED_FROM_SHARE * durationMs, durationMs);
  const isJudged = durationMs >= judgedFromMs;
  const wanted = `within its error, or at most ${floor}${unit}; never above a tenth`;
  return {
    what: `growth of ${what} in the second half`,
    value: trend === undefined ? 'unknown' : describe(trend, unit),
    wanted: isJudged ? wanted : NOT_JUDGED,
    isGood: !isJudged || (trend !== undefined && isFlat(trend, floor)),
  };
}

function isFlat({ growth, error, level }: Trend, floor: number): boolean {
  if (growth <= floor) return true;
  return growth <= error && growth <= MOST_SHARE * level;
}

const describe = ({ growth, error, level }: Trend, unit: string) =>
  `${growth.toFixed(1)} ± ${error.toFixed(1)}${unit} at a level of ${level.toFixed(1)}${unit}`;

const NOT_JUDGED = 'not judged in so short a run';

/** A kind of object that became half as many again, and so many more. */
const GROWN = { share: 0.5, count: 1_000 };

function heap({ heap, durationMs }: SoakRecord): Finding[] {
  if (heap === undefined) return [];
  const grown = heap.kinds.filter(
    ({ before, after }) => after.count - before.count > Math.max(GROWN.count, GROWN.share * before.count),
  );
  const isJudged = durationMs >= FULL_AFTER_MS / SNAPSHOT_SHARE;
  return [
    {
      what: 'kinds of objects in the heap that became many more',
      value: grown.length === 0 ? '0' : grown.map(({ name }) => name).join(', '),
      wanted: isJudged ? `0 by half and by more than ${GROWN.count}` : NOT_JUDGED,
      isGood: !isJudged || grown.length === 0,
    },
  ];
}

/** One series of the steady replica. */
export function pointsOf({ samples }: SoakRecord, key: keyof ReplicaSample): Point[] {
  return samples.flatMap(({ atMs, replicas }) => {
    const y = replicas.steady?.[key];
    return y === undefined || !Number.isFinite(y) ? [] : [{ x: atMs, y }];
  });
}
