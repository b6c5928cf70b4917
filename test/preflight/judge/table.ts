import type { Verdict } from './judge.ts';
import { HINDRANCES } from './recipe.ts';

export interface Score {
  readonly runs: number;
  readonly hung: number;
  /** It hung, and nothing had been said. */
  readonly missed: readonly Verdict[];
  /** It went through, and something had been said. */
  readonly falseAlarms: readonly Verdict[];
}

export function scoreOf(verdicts: readonly Verdict[]): Score {
  const isAlarm = ({ forecast }: Verdict) => forecast.length > 0;
  return {
    runs: verdicts.length,
    hung: verdicts.filter(({ hung }) => hung).length,
    missed: verdicts.filter((one) => one.hung && !isAlarm(one)),
    falseAlarms: verdicts.filter((one) => !one.hung && isAlarm(one)),
  };
}

/** A share of the drains that hung, or that did not, in per cent. */
export const shareOf = (some: readonly Verdict[], of: number) => (of === 0 ? 0 : (100 * some.length) / of);

/** For docs/preflight.md. */
export function tableOf(verdicts: readonly Verdict[]): string {
  const { runs, hung, missed, falseAlarms } = scoreOf(verdicts);
  const rows = [...HINDRANCES, undefined].map((hindrance) => {
    const own = verdicts.filter(({ recipe }) => recipe.hindrance === hindrance);
    const score = scoreOf(own);
    return `| ${hindrance ?? 'none'} | ${own.length} | ${score.hung} | ${score.missed.length} | ${score.falseAlarms.length} |`;
  });
  const percent = (some: readonly Verdict[], of: number) => `${some.length} (${shareOf(some, of).toFixed(1)} %)`;
  return [
    '| hindrance that was made | clusters | held up | missed | false alarms |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    `| **all** | ${runs} | ${hung} | ${percent(missed, hung)} | ${percent(falseAlarms, runs - hung)} |`,
  ].join('\n');
}

/** One line for people who look into it. */
export function lineOf({ recipe, forecast, hung, said }: Verdict): string {
  const { name, hindrance = 'none', operator, process, others, decoys } = recipe;
  const blocks = others.map(({ block = 'free' }) => block).join(',');
  const was = `${hindrance}; ${operator} ${process}; others ${blocks}; decoys ${decoys.join(',') || 'none'}`;
  return `${name}: ${hung ? 'hung' : 'went through'}, forecast ${forecast.join(',') || 'nothing'} (${was}) ${said}`;
}
