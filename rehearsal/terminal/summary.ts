import { formatAge } from '../../src/policy/duration.ts';
import { outcomeOf, type RehearsalRecord } from '../evidence/record.ts';

const SIGNS = { safe: '✔', unsafe: '✘', unproven: '?' } as const;

/** What came of it, in a word or two. */
function wordFor(record: RehearsalRecord): string {
  const outcome = outcomeOf(record);
  if (outcome === 'safe') return record.scenario.ends ?? 'safe';
  return outcome === 'unsafe' ? 'NOT SAFE' : 'NOT PROVEN';
}

/** `8 of 8 checks hold`. One that broke off was not checked. */
function checksOf({ checks, brokeOff }: RehearsalRecord): string {
  if (brokeOff === true) return 'it broke off';
  const held = checks.filter(({ holds }) => holds).length;
  return `${held} of ${checks.length} checks hold`;
}

/** The line of one of several. `took`: in words; `nth`: how many have ended. */
export function resultOf(
  record: RehearsalRecord,
  took: string,
  { nth, of, width }: { readonly nth: number; readonly of: number; readonly width: number },
): string {
  const count = `${String(nth).padStart(String(of).length)} of ${of}`;
  const { name } = record.scenario;
  return `${SIGNS[outcomeOf(record)]} ${name.padEnd(width)} ${took.padStart(6)}  ${count}  ${wordFor(record)}, ${checksOf(record)}`;
}

/** What does not hold, and why; nothing if all holds. */
export function failureOf({ checks, brokeOff }: RehearsalRecord): string[] {
  return checks
    .filter(({ holds }) => !holds)
    .flatMap(({ what, problems }) => [
      ...(brokeOff === true ? [] : [`FAILS  ${what}`]),
      ...problems.map((problem) => line('problem', problem)),
    ]);
}

/** What came of a rehearsal that was alone. */
export function summaryOf(record: RehearsalRecord, took: string): string[] {
  const { drains, durationMs, figures } = record;
  const nodes = [...new Set(drains.map(({ node }) => node))].join(', ');
  const drainers = [...new Set(drains.map(({ drainer }) => drainer))].join(', ');
  const drainMs = drains.reduce((sum, { beganMs, endedMs = durationMs }) => sum + endedMs - beganMs, 0);
  return [
    `${SIGNS[outcomeOf(record)]} ${wordFor(record)}: ${checksOf(record)}, ${took}`,
    ...(drains.length === 0
      ? []
      : [line(`drain of ${nodes}`, `${wordFor(record)}, ${formatAge(drainMs)}, by ${drainers}`)]),
    ...figures.map(({ what, value }) => line(what, value)),
    ...failureOf(record),
  ];
}

/** The last line about several: how many ended in which way. */
export function totalOf(records: readonly RehearsalRecord[]): string {
  const count = (outcome: string) => records.filter((record) => outcomeOf(record) === outcome).length;
  const others = [
    [count('unsafe'), 'not safe'],
    [count('unproven'), 'not proven'],
  ] as const;
  const bad = others.filter(([number]) => number > 0).map(([number, what]) => `, ${number} ${what}`);
  return `${count('safe')} of ${records.length} safe${bad.join('')}`;
}

const line = (what: string, value: string) => `${`${what}:`.padEnd(20)} ${value}`;
