import { formatAge } from '../../src/policy/duration.ts';
import type { RehearsalRecord } from '../evidence/record.ts';

/** The lines at the end of a rehearsal. For several they also list the checks of each, and how many are safe. */
export function endOf(records: readonly RehearsalRecord[], areSeveral: boolean): string[] {
  if (!areSeveral) return records.flatMap((record) => ['', ...summaryOf(record)]);
  const safe = records.filter(({ holds }) => holds).length;
  return [...records.flatMap(storyOf), '', `${safe} of ${records.length} safe`];
}

function storyOf(record: RehearsalRecord): string[] {
  const { scenario, checks } = record;
  const held = checks.map(({ what, holds }) => `  ${holds ? 'holds' : 'FAILS'}  ${what}`);
  return ['', `${scenario.name}: ${scenario.about}`, ...held, ...summaryOf(record)];
}

/** What came of one of them. */
export function summaryOf({ scenario, holds, drains, durationMs, figures, checks }: RehearsalRecord): string[] {
  const nodes = [...new Set(drains.map(({ node }) => node))].join(', ');
  const drainMs = drains.reduce((sum, { beganMs, endedMs = durationMs }) => sum + endedMs - beganMs, 0);
  return [
    line(`drain of ${nodes || 'no node'}`, `${holds ? (scenario.ends ?? 'safe') : 'NOT SAFE'}, ${formatAge(drainMs)}`),
    ...figures.map(({ what, value }) => line(what, value)),
    ...checks.flatMap(({ problems }) => problems).map((problem) => line('problem', problem)),
  ];
}

const line = (what: string, value: string) => `${`${what}:`.padEnd(20)} ${value}`;
