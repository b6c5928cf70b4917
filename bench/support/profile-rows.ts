/** From what eight profiles cost beside one to lines of the table, with the targets (docs/performance.md). */
import { atMost, count, type Figure, mb, ms, percent, us } from './figures.ts';
import type { ProfilesResult, ProfilesRun } from './results.ts';
import { median } from './statistics.ts';

/** Eight profiles may cost a tenth more than one. */
const LIMIT_PERCENT = 110;

export function profileRows({ pods, runs }: ProfilesResult): Figure[] {
  const most = Math.max(...runs.map(({ profiles }) => profiles));
  const area = `profiles: ${count(pods)} pods of ${most}`;
  const of = (profiles: number, field: keyof ProfilesRun) =>
    median(runs.filter((run) => run.profiles === profiles).map((run) => run[field]));
  const row = (what: string, field: keyof ProfilesRun, show: (value: number) => string, isLimited = true): Figure => {
    const [one, several] = [of(1, field), of(most, field)];
    const ratio = several / one;
    return {
      area,
      what: `${what}, of that with one profile`,
      shown: `${percent(ratio)} (${show(several)}, ${show(one)})`,
      ...(isLimited ? { target: atMost(ratio * 100, LIMIT_PERCENT, '%') } : {}),
      values: { ratio, one, several },
    };
  };
  return [
    row('time to sync', 'syncMs', ms),
    row('RSS after the sync', 'rssMb', mb),
    row('RSS at its peak', 'peakMb', mb),
    row('CPU of a change', 'changeCpuUs', us, false),
    row('time of an answer from the cache', 'answerUs', us),
  ];
}
