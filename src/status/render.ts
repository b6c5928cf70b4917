import { formatAge } from '../policy/duration.ts';
import type { StatusReport } from './report.ts';

/**
 * The report for people: tables like kubectl's. A line replaces an empty one, but that of rival webhooks: most profiles can have
 * none.
 */
export function renderTables({ nodes, pods, stalled, entries, rivals }: StatusReport): string {
  return [
    section(
      'Draining nodes',
      'No node is being drained.',
      ['NODE', 'CAUSE', 'PODS', 'MARKED'],
      nodes.map(({ name, cause, pods, marked }) => [name, cause, String(pods), String(marked)]),
    ),
    section(
      'Marked pods',
      'No pod is marked.',
      ['NAMESPACE', 'POD', 'PROFILE', 'NODE', 'STATE', 'AGE', 'MARKED BY', 'REPORTS'],
      pods.map((pod) => [
        pod.namespace,
        pod.name,
        pod.profile,
        pod.node,
        pod.state,
        age(pod.markedSeconds),
        pod.markedBy,
        pod.hindrance,
      ]),
    ),
    section(
      'Stalled pods',
      'No pod is stalled.',
      ['NAMESPACE', 'POD', 'PROFILE', 'NODE', 'HINDRANCE', 'THE POD'],
      stalled.map(({ namespace, name, profile, node, hindrance, why }) => [
        namespace,
        name,
        profile,
        node,
        hindrance,
        why,
      ]),
    ),
    section(
      'Tracking entries',
      'There are no tracking entries.',
      ['TRACKER', 'POD', 'FROM', 'STATE', 'AGE', 'WAITS FOR'],
      entries.map((entry) => [
        entry.tracker,
        `${entry.namespace}/${entry.pod}`,
        entry.from,
        entry.state,
        age(entry.ageSeconds),
        entry.waitsFor,
      ]),
    ),
    ...rivalSection(rivals),
  ].join('\n');
}

function rivalSection(rivals: StatusReport['rivals']): string[] {
  if (rivals === null) return ['Rival webhooks are not known: registrations cannot be listed.\n'];
  if (rivals.length === 0) return [];
  const rows = rivals.map(({ profile, rival, registration, webhooks }) => [
    profile,
    rival,
    registration,
    String(webhooks),
  ]);
  return [section('Rival webhooks', '', ['PROFILE', 'RIVAL', 'REGISTRATION', 'WEBHOOKS'], rows)];
}

/** The differences between two reports, one line per fact. A changed age is no difference. */
export function renderChanges(before: StatusReport, after: StatusReport): string[] {
  const was = facts(before);
  const is = facts(after);
  return [
    ...[...was.keys()].filter((subject) => !is.has(subject)).map((subject) => `${subject}: no more`),
    ...[...is].filter(([subject, fact]) => was.get(subject) !== fact).map(([subject, fact]) => `${subject}: ${fact}`),
  ];
}

function facts({ nodes, pods, stalled, entries, rivals }: StatusReport): Map<string, string> {
  return new Map([
    ...nodes.map(
      ({ name, cause, pods, marked }) =>
        [safe(`node ${name}`), safe(`draining (${cause}), ${pods} pods left, ${marked} of them marked`)] as const,
    ),
    ...pods.map(({ namespace, name, uid, node, state, hindrance }) => {
      const reports = hindrance === null ? '' : ` (its tracking resource reports ${hindrance})`;
      return [safe(`pod ${namespace}/${name} ${uid}`), safe(`${state} on ${node ?? 'no node'}${reports}`)] as const;
    }),
    // The whole text has ages.
    ...stalled.map(
      ({ namespace, name, uid, hindrance, marked }) =>
        [safe(`stalled pod ${namespace}/${name} ${uid}`), safe(`${hindrance}${marked ? '' : '; not marked'}`)] as const,
    ),
    ...entries.map(
      ({ tracker, namespace, pod, state, waitsFor }) =>
        [safe(`entry ${namespace}/${pod} on ${tracker}`), safe(`${state}; waits for ${waitsFor}`)] as const,
    ),
    ...(rivals ?? []).map(
      ({ profile, rival, registration }) =>
        [safe(`rival webhook ${rival} in ${registration}`), `is asked about evictions of profile ${profile}`] as const,
    ),
  ]);
}

function section(title: string, none: string, header: string[], rows: readonly (string | null)[][]): string {
  if (rows.length === 0) return `${none}\n`;
  const cells = [header, ...rows.map((row) => row.map((cell) => safe(cell ?? '<none>')))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   '));
  return `${title}\n${lines.map((line) => `${line.trimEnd()}\n`).join('')}`;
}

const age = (seconds: number | null) => (seconds === null ? '<unknown>' : formatAge(seconds * 1000));

/** Anybody can write annotations, and a terminal must not obey control characters in them. */
const safe = (text: string) => text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
