import type { LogLine } from '../../testkit/log-lines.ts';

/** How long the hook took for its answers during drains. Times in ms. */
export interface TimeInHook {
  readonly answers: number;
  /** All durations added up, though many answers are made at the same time. */
  readonly sumMs: number;
  /** How long at least one answer was in hand. */
  readonly busyMs: number;
  /** What the drains took. */
  readonly drainMs: number;
}

/** Computed from the lines of its log: each says when the hook gave one answer, and how long that took. */
export function timeInHook(lines: readonly LogLine[], drainMs: number): TimeInHook {
  const answers = lines.flatMap(({ decision, durationMs, time }) => {
    if (decision === undefined || typeof durationMs !== 'number') return [];
    const to = Date.parse(String(time));
    return [{ from: to - durationMs, to, durationMs }];
  });
  const sumMs = answers.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return { answers: answers.length, sumMs, busyMs: coveredMs(answers), drainMs };
}

/** The length of what the spans cover together. */
function coveredMs(spans: readonly { readonly from: number; readonly to: number }[]): number {
  let covered = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    covered += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return covered;
}

export function describeTimeInHook({ answers, sumMs, busyMs, drainMs }: TimeInHook): string {
  const share = drainMs > 0 ? `, ${((100 * busyMs) / drainMs).toFixed(1)} % of the drain` : '';
  return `${Math.round(busyMs)} ms${share} (${Math.round(sumMs)} ms for ${answers} answers one by one)`;
}
