import type { ReplicaSample, SoakRecord } from './record.ts';

export interface Finding {
  readonly what: string;
  readonly value: string;
  readonly wanted: string;
  readonly isGood: boolean;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Shorter runs than this say nothing about growth. */
export const JUDGED_FROM_MS = 10 * 60_000;
const WARM_UP_SHARE = 0.25;
const MOST_POINTS = 400;

/** What may grow by how much after the warm-up: a tenth, or so much where that is more. */
const GROWTH: readonly { key: keyof ReplicaSample; what: string; unit: string; slack: number }[] = [
  { key: 'rssMb', what: 'resident memory', unit: 'MB', slack: 15 },
  { key: 'heapMb', what: 'heap used', unit: 'MB', slack: 8 },
  { key: 'fds', what: 'open files and sockets', unit: '', slack: 6 },
  { key: 'handles', what: 'active handles', unit: '', slack: 8 },
];

export function findingsOf(record: SoakRecord): Finding[] {
  const problems = [...record.rounds.flatMap((round) => round.problems), ...record.problems];
  const mostMoves = Math.max(0, ...record.rounds.map((round) => round.mostMoves));
  return [
    {
      what: 'drains ended',
      value: String(record.rounds.length),
      wanted: 'at least 1',
      isGood: record.rounds.length > 0,
    },
    { what: 'problems', value: String(problems.length), wanted: '0', isGood: problems.length === 0 },
    { what: 'most moves of a pod in one drain', value: String(mostMoves), wanted: '1', isGood: mostMoves === 1 },
    {
      what: 'entries left',
      value: String(record.entriesLeft),
      wanted: '0',
      isGood: record.entriesLeft === 0,
    },
    ...GROWTH.map((kind) => growthFinding(record, kind)),
  ];
}

function growthFinding(record: SoakRecord, { key, what, unit, slack }: (typeof GROWTH)[number]): Finding {
  const points = pointsOf(record, key).filter(({ x }) => x >= WARM_UP_SHARE * record.durationMs);
  const level = median(points.map(({ y }) => y));
  const growth = slope(points) * (1 - WARM_UP_SHARE) * record.durationMs;
  const limit = Math.max(slack, level / 10);
  const text = (value: number) => (Number.isFinite(value) ? `${value.toFixed(1)}${unit && ` ${unit}`}` : 'unknown');
  const isJudged = record.durationMs >= JUDGED_FROM_MS;
  return {
    what: `growth of ${what}`,
    value: `${text(growth)} at a level of ${text(level)}`,
    wanted: isJudged ? `at most ${text(limit)}` : 'not judged in so short a run',
    isGood: !isJudged || growth <= limit,
  };
}

/** One series of the steady replica. */
export function pointsOf({ samples }: SoakRecord, key: keyof ReplicaSample): Point[] {
  return samples.flatMap(({ atMs, replicas }) => {
    const y = replicas.steady?.[key];
    return y === undefined || !Number.isFinite(y) ? [] : [{ x: atMs, y }];
  });
}

/**
 * The median of the slopes between all pairs of points (Theil and Sen): a few spikes do not move it. Many points are
 * thinned out first. NaN of fewer than two.
 */
export function slope(points: readonly Point[]): number {
  const step = Math.max(1, Math.ceil(points.length / MOST_POINTS));
  const some = points.filter((_, i) => i % step === 0);
  const slopes = some.flatMap((a, i) =>
    some.slice(i + 1).flatMap((b) => (b.x === a.x ? [] : (b.y - a.y) / (b.x - a.x))),
  );
  return median(slopes);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
