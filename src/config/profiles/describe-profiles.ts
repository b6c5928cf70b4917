import { formatAge } from '../../policy/duration.ts';
import { formatPath, type HindranceSource } from '../../policy/profiles/hindrance.ts';
import type { MaxConcurrent } from '../../policy/profiles/profile.ts';
import { describeReport, formatConditions, type Report } from '../../policy/profiles/report.ts';
import { formatSelector } from '../../policy/selector.ts';
import { BUILT_IN } from './built-in.ts';
import type { ConfiguredProfile } from './configured-profile.ts';
import { NO_MARK } from './written-mark.ts';

/** The profiles in their order, for people. A pod is of the first that selects it. */
export function describeProfiles(profiles: readonly ConfiguredProfile[]): string {
  return profiles.map(describe).join('\n');
}

/** For machines: the same fields under the names that PROFILES_FILE has for them. */
export function profilesAsJson(profiles: readonly ConfiguredProfile[]): string {
  const written = profiles.map(
    ({
      name,
      selectors,
      requires,
      mark,
      request,
      names,
      tracking,
      stallAfterMs,
      maxConcurrent,
      hindrances,
      respectsBudgets,
      neverAlone,
      report,
      withdraws,
      conflicts,
      warning,
    }) => ({
      name,
      selector: selectors.map(formatSelector),
      requires: requires.map(requirement),
      mark: writtenMark({ mark, request }),
      names,
      tracking: tracking.type,
      stallAfter: exactDuration(stallAfterMs),
      // What is undefined is left out.
      maxConcurrent,
      hindrance: hindrances?.map(writtenHindrance),
      respectBudgets: respectsBudgets,
      neverAlone,
      report: report && writtenReport(report),
      withdraw: withdraws,
      conflicts,
      warning,
    }),
  );
  return `${JSON.stringify({ profiles: written }, null, 2)}\n`;
}

/** The names that PROFILES may have without a file. */
export const builtInNames = (): string => BUILT_IN.map(({ name }) => name).join(', ');

function describe({
  name,
  selectors,
  requires,
  mark,
  request,
  names,
  tracking,
  stallAfterMs,
  maxConcurrent,
  hindrances = [],
  respectsBudgets,
  neverAlone,
  report,
  withdraws,
  conflicts,
  warning,
}: ConfiguredProfile): string {
  const rows: readonly (readonly [string, string | false | undefined])[] = [
    ['selects', selectors.map(formatSelector).join(' or ')],
    ...requires.map((one) => ['requires', requirement(one)] as const),
    ['mark', markText({ mark, request })],
    ['names', names],
    ['tracking', tracking.type],
    ['stalled', `after ${formatAge(stallAfterMs)}`],
    ['at once', maxConcurrent && limitOf(maxConcurrent)],
    ...hindrances.map((one) => ['hindrance', reportsOf(one)] as const),
    ['budgets', respectsBudgets && 'it is marked only while its disruption budgets allow a disruption'],
    ['alone', neverAlone && 'its operator never moves the only pod of a cluster'],
    ['report', report && `${describeReport(report)}: the hook then evicts the pod`],
    ['withdraw', withdraws && 'once nobody drains the node any more'],
    ...conflicts.map((one) => ['conflicts', one] as const),
    ['warning', warning],
  ];
  const lines = rows.flatMap(([what, text]) => (text ? `  ${what.padEnd(9)} ${text}\n` : []));
  return `${name}\n${lines.join('')}`;
}

type Asking = { readonly [K in 'mark' | 'request']: ConfiguredProfile[K] | undefined };

function markText({ mark, request }: Asking): string {
  if (request !== undefined) {
    const { kind, label, form } = request;
    const what = 'name' in form ? form.name : `${form.key}=${form.value}`;
    return `${what} on the ${kind} of label ${label}`;
  }
  if (mark === undefined) return 'none: nobody is asked to move its pods, which have to leave by themselves';
  return `${mark.key}=${mark.value}${mark.match === 'present' ? ' (any value is one)' : ''}`;
}

function writtenMark({ mark, request }: Asking) {
  if (request === undefined) {
    return mark === undefined ? NO_MARK : { annotation: mark.key, value: mark.value, match: mark.match };
  }
  const { kind, plural, group, label, onlyIf, form } = request;
  return {
    on: { kind, resource: `${plural}.${group}`, label },
    ...('name' in form ? { form: form.name } : { annotation: form.key, value: form.value }),
    doneAt: 'name' in form || form.doneAt === undefined ? undefined : formatPath(form.doneAt),
    onlyIf: onlyIf.map(({ path, ...others }) => ({ at: formatPath(path), ...others })),
  };
}

function writtenHindrance({ kind, plural, group, label, reports }: HindranceSource) {
  const written = reports.map(({ path, is, word }) => ({ at: formatPath(path), is, word }));
  return { kind, resource: `${plural}.${group}`, label, reports: written };
}

const writtenReport = (report: Report) => ('annotation' in report ? report : { conditions: formatConditions(report) });

const reportsOf = ({ kind, label, reports }: HindranceSource) =>
  `${kind} of label ${label}: ${[...new Set(reports.map(({ word }) => word))].join(', ')}`;

const limitOf = ({ pods, by }: MaxConcurrent) => `${pods} of those with the same ${by.join(' and ')}`;

/** As the file has it: an age for people has days, and leaves out what is small. */
function exactDuration(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

const requirement = ({ key, value }: ConfiguredProfile['requires'][number]) =>
  value === undefined ? key : `${key}=${value}`;
