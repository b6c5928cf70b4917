import { formatAge } from '../policy/duration.ts';
import type { RehearsalRecord } from './record.ts';

/** The end of a rehearsal as lines for a terminal. */
export function summaryOf({ holds, drains, durationMs, figures, checks }: RehearsalRecord): string[] {
  const nodes = [...new Set(drains.map(({ node }) => node))].join(', ');
  const drainMs = drains.reduce((sum, { beganMs, endedMs = durationMs }) => sum + endedMs - beganMs, 0);
  return [
    line(`drain of ${nodes || 'no node'}`, `${holds ? 'safe' : 'NOT SAFE'}, ${formatAge(drainMs)}`),
    ...figures.map(({ what, value }) => line(what, value)),
    ...checks.flatMap(({ problems }) => problems).map((problem) => line('problem', problem)),
  ];
}

const line = (what: string, value: string) => `${`${what}:`.padEnd(20)} ${value}`;
