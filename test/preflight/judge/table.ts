import type { NotJudged } from './batch.ts';
import type { Verdict } from './drain.ts';
import { HINDRANCES, LIMITS, type Recipe } from './recipe.ts';

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

/** In per cent, of the drains that hung, that did not, or that there were. */
export const shareOf = (some: readonly unknown[], of: number) => (of === 0 ? 0 : (100 * some.length) / of);

const kindOf = ({ hindrance, limit }: Recipe) => hindrance ?? (limit === undefined ? 'none' : `near: ${limit}`);

/** For docs/preflight.md. */
export function tableOf(verdicts: readonly Verdict[]): string {
  const { runs, hung, missed, falseAlarms } = scoreOf(verdicts);
  const rows = [...HINDRANCES, 'none', ...LIMITS.map((limit) => `near: ${limit}`)].map((kind) => {
    const score = scoreOf(verdicts.filter(({ recipe }) => kindOf(recipe) === kind));
    return `| ${kind} | ${score.runs} | ${score.hung} | ${score.missed.length} | ${score.falseAlarms.length} |`;
  });
  const percent = (some: readonly Verdict[], of: number) => `${some.length} (${shareOf(some, of).toFixed(1)} %)`;
  return [
    '| what was made | clusters | held up | missed | false alarms |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    `| **all** | ${runs} | ${hung} | ${percent(missed, hung)} | ${percent(falseAlarms, runs - hung)} |`,
  ].join('\n');
}

/** One line for people who look into it. */
export function lineOf({ recipe, forecast, hung, said }: Verdict): string {
  const outcome = `${hung ? 'hung' : 'went through'}, forecast ${forecast.join(',') || 'nothing'}`;
  return `${recipe.name}: ${outcome} (${describe(recipe)}) ${said}`;
}

export const lineOfNotJudged = ({ recipe, why }: NotJudged) =>
  `${recipe.name}: not judged, ${why} (${describe(recipe)})`;

function describe(recipe: Recipe): string {
  const { operator, process, members, memberCpu, others, decoys, spread, heavyCpu } = recipe;
  const nodes = others.map((other) => Object.values(other).join(' ')).join(', ');
  const more = [...Object.values(spread ?? {}), ...(heavyCpu === undefined ? [] : [`heavy ${heavyCpu}`])].join(' ');
  const who = `${operator} ${process} ${members} x ${memberCpu}`;
  return `${kindOf(recipe)}; ${who}; others ${nodes}; decoys ${decoys.join(',') || 'none'}; ${more}`;
}
