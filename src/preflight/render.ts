import { table, WIDTH, wrapped } from '../terminal/columns.ts';
import type { Check, Finding, Forecast, PodForecast, Verdict } from './forecast/findings.ts';
import { isBad } from './forecast/findings.ts';

const WORDS: Readonly<Record<Verdict, string>> = {
  hangs: 'HANGS',
  likely: 'LIKELY',
  unsafe: 'UNSAFE',
  delays: 'delays',
  flag: 'flag',
  note: 'note',
};

const OUTCOMES: Readonly<Record<PodForecast['outcome'], string>> = {
  marked: 'marked',
  waits: 'refused',
  evicted: 'evicted',
  left: 'left alone',
};

/** The forecast for people: tables of at most 100 columns. */
export function renderForecast(forecast: Forecast): string {
  const { installation, settingsFrom, profiles, checks, pods, command } = forecast;
  const own = pods.filter(({ profile }) => profile !== null);
  const others = pods.filter(({ profile, findings }) => profile === null && findings.length > 0);
  return [
    ...wrapped(`Hook ${installation}: profiles ${profiles.join(', ')}, read from ${settingsFrom}`, WIDTH),
    '',
    ...table(['HOOK', 'RESULT', 'WHAT WAS SEEN'], checks.map(checkRow), [12, 8]),
    '',
    ...(own.length === 0
      ? ['The hook protects no pod of these nodes.']
      : table(
          ['POD', 'PROFILE', 'AT FIRST', 'FINDING', 'WHAT, AND WHAT TO DO'],
          own.flatMap(ownRows),
          [24, 13, 10, 16],
        )),
    ...(others.length === 0
      ? []
      : ['', ...table(['OTHER POD', 'FINDING', 'WHAT, AND WHAT TO DO'], others.flatMap(otherRows), [30, 23])]),
    '',
    ...wrapped(conclusion(forecast), WIDTH),
    command,
    '',
  ].join('\n');
}

function conclusion({ nodes, pods, checks, isClear }: Forecast): string {
  const many = nodes.join(', ');
  const unknown = checks.filter(({ result }) => result === 'unknown').map(({ check }) => check);
  const but = unknown.length === 0 ? '' : `, but not all is known (${unknown.join(', ')})`;
  if (isClear) return `Nothing was found that will hold up a drain of ${many}${but}. To drain:`;
  const bad = pods.filter(({ findings }) => findings.some(isBad)).length;
  const wrong = checks.filter(({ result }) => result === 'wrong').length;
  const what = [
    ...(bad === 0 ? [] : [`${bad} ${bad === 1 ? 'pod' : 'pods'} will hold it up, or would be evicted`]),
    ...(wrong === 0 ? [] : [`${wrong} ${wrong === 1 ? 'thing' : 'things'} about the hook must be put right`]),
  ].join('; ');
  return `Do not drain ${many} yet: ${what}. After that:`;
}

const checkRow = ({ check, result, text, remedy }: Check) => [
  check,
  result === 'ok' ? 'ok' : result.toUpperCase(),
  said(text, remedy),
];

function ownRows({ namespace, name, profile, outcome, findings }: PodForecast): string[][] {
  const head = [`${namespace}/${name}`, profile ?? '', OUTCOMES[outcome]];
  if (findings.length === 0) return [[...head, '-', '']];
  return findings.map((one, i) => [...(i === 0 ? head : ['', '', '']), ...findingCells(one)]);
}

const otherRows = ({ namespace, name, findings }: PodForecast): string[][] =>
  findings.map((one, i) => [i === 0 ? `${namespace}/${name}` : '', ...findingCells(one)]);

const findingCells = ({ what, verdict, text, remedy }: Finding) => [`${WORDS[verdict]} ${what}`, said(text, remedy)];

const said = (text: string, remedy: string) => (remedy === '' ? text : `${text} ${remedy}`);
