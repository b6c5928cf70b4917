import { formatAge } from '../policy/duration.ts';
import { type Colour, colours, type Tone } from '../terminal/colours.ts';
import { limitsFor, safe, table, WIDTH, wrapped } from '../terminal/columns.ts';
import type { DrainingNode, StatusReport } from './report.ts';

interface Section {
  readonly title: string;
  /** The line in place of no rows. */
  readonly none: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

const SECTIONS: readonly ((report: StatusReport) => Section)[] = [
  ({ nodes }) => ({
    title: 'Draining nodes',
    none: 'No node is being drained.',
    header: ['NODE', 'CAUSE', 'PODS', 'MARKED', 'OLDEST', 'PROGRESS'],
    rows: nodes.map((node) => {
      const oldest = node.marked === 0 ? '-' : age(node.markedSeconds);
      return [node.name, node.cause, String(node.pods), String(node.marked), oldest, progress(node)];
    }),
  }),
  ({ pods }) => ({
    title: 'Marked pods',
    none: 'No pod is marked.',
    header: ['NAMESPACE', 'POD', 'PROFILE', 'NODE', 'STATE', 'AGE', 'MARKED BY', 'REPORTS'],
    rows: pods.map(({ namespace, name, profile, node, state, markedSeconds, markedBy, hindrance }) => [
      ...[namespace, name, profile, node, state],
      ...[age(markedSeconds), markedBy, hindrance],
    ]),
  }),
  ({ stalled }) => ({
    title: 'Stalled pods',
    none: 'No pod is stalled.',
    header: ['NAMESPACE', 'POD', 'PROFILE', 'NODE', 'HINDRANCE', 'THE POD'],
    rows: stalled.map(({ namespace, name, profile, node, hindrance, why }) => [
      ...[namespace, name, profile, node, hindrance, why],
    ]),
  }),
  ({ unmarked }) => ({
    title: 'Pods that wait without a mark',
    none: 'No pod waits without a mark.',
    header: ['NAMESPACE', 'POD', 'PROFILE', 'NODE', 'REASON', 'WHY'],
    rows: unmarked.map(({ namespace, name, profile, node, reason, why }) => [
      ...[namespace, name, profile, node, reason, why],
    ]),
  }),
  ({ entries }) => ({
    title: 'Tracking entries',
    none: 'There are no tracking entries.',
    header: ['TRACKER', 'POD', 'FROM', 'STATE', 'AGE', 'WAITS FOR'],
    rows: entries.map(({ tracker, namespace, pod, from, state, ageSeconds, waitsFor }) => [
      ...[tracker, `${namespace}/${pod}`, from, state, age(ageSeconds), waitsFor],
    ]),
  }),
];

/**
 * The report for people, within 100 columns. A line replaces an empty table, but that of rival webhooks: most profiles can have
 * none.
 */
export function renderTables(report: StatusReport, colour: Colour = colours(false)): string {
  const { installation, settingsFrom, rivals } = report;
  const head = `Hook ${installation}: settings and profiles read from ${settingsFrom}`;
  return [
    lines(wrapped(safe(head), WIDTH)),
    ...SECTIONS.map((sectionOf) => renderSection(sectionOf(report), colour)),
    ...rivalSection(rivals, colour),
  ].join('\n');
}

function rivalSection(rivals: StatusReport['rivals'], colour: Colour): string[] {
  if (rivals === null) return ['Rival webhooks are not known: registrations cannot be listed.\n'];
  if (rivals.length === 0) return [];
  const rows = rivals.map(({ profile, rival, registration, webhooks }) => [
    ...[profile, rival, registration, String(webhooks)],
  ]);
  const header = ['PROFILE', 'RIVAL', 'REGISTRATION', 'WEBHOOKS'];
  return [renderSection({ title: 'Rival webhooks', none: '', header, rows }, colour)];
}

const TONES: Readonly<Record<string, Tone>> = {
  stalled: 'bad',
  waiting: 'waiting',
  ending: 'waiting',
  unsettled: 'waiting',
  rescheduled: 'good',
};

function renderSection({ title, none, header, rows }: Section, colour: Colour): string {
  if (rows.length === 0) return lines([none]);
  const cells = rows.map((row) => row.map((cell) => safe(cell ?? '<none>')));
  const paint = (text: string, column: number, row?: readonly string[]) => {
    const tone = row === undefined ? 'heading' : toneOf(header[column] ?? '', row[column] ?? '');
    return tone === undefined ? text : colour(tone, text);
  };
  return lines([colour('heading', title), ...table(header, cells, limitsFor(header, cells), paint)]);
}

function toneOf(column: string, cell: string): Tone | undefined {
  if (column === 'HINDRANCE') return 'bad';
  if (column === 'REASON') return 'waiting';
  return column === 'STATE' ? TONES[cell] : undefined;
}

const lines = (all: readonly string[]) => all.map((line) => `${line}\n`).join('');

/** `3 of 5 moved, 2 waiting`. */
function progress({ known, moved, underWay, gone, pods }: DrainingNode): string {
  if (known === 0) return 'no protected pod';
  const rest = [`${underWay} under way`, `${gone} gone`, `${pods} waiting`].filter((one) => !one.startsWith('0 '));
  return [`${moved} of ${known} moved`, ...rest].join(', ');
}

/** What a line is about, what it says, and what it adds that alone makes no new line. */
type Fact = readonly [subject: string, fact: string, also?: string];

/** The differences between two reports, one line per fact. A changed age is no difference. */
export function renderChanges(before: StatusReport, after: StatusReport): string[] {
  const was = new Map(facts(before).map(([subject, fact]) => [subject, fact]));
  const is = facts(after);
  const subjects = new Set(is.map(([subject]) => subject));
  return [
    ...[...was.keys()].filter((subject) => !subjects.has(subject)).map((subject) => `${subject}: no more`),
    ...is
      .filter(([subject, fact]) => was.get(subject) !== fact)
      .map(([subject, fact, also = '']) => `${subject}: ${fact}${also}`),
  ].map(safe);
}

function facts({ nodes, pods, stalled, unmarked, entries, rivals }: StatusReport): Fact[] {
  return [
    ...nodes.map((node): Fact => {
      const { name, cause, pods: left, marked, known } = node;
      const so = known === 0 ? '' : `; ${progress(node)}`;
      return [`node ${name}`, `draining (${cause}), ${left} pods left, ${marked} of them marked${so}`];
    }),
    ...pods.map(({ namespace, name, uid, node, state, hindrance, markedSeconds }): Fact => {
      const reports = hindrance === null ? '' : ` (its tracking resource reports ${hindrance})`;
      const since = markedSeconds === null ? '' : `, marked ${age(markedSeconds)} ago`;
      return [`pod ${namespace}/${name} ${uid}`, `${state} on ${node ?? 'no node'}${reports}`, since];
    }),
    // The whole text has ages.
    ...stalled.map(
      ({ namespace, name, uid, hindrance, marked }): Fact => [
        `stalled pod ${namespace}/${name} ${uid}`,
        `${hindrance}${marked ? '' : '; not marked'}`,
      ],
    ),
    ...unmarked.map(
      ({ namespace, name, uid, reason, why }): Fact => [`unmarked pod ${namespace}/${name} ${uid}`, reason, `: ${why}`],
    ),
    ...entries.map(
      ({ tracker, namespace, pod, state, waitsFor }): Fact => [
        `entry ${namespace}/${pod} on ${tracker}`,
        `${state}; waits for ${waitsFor}`,
      ],
    ),
    ...(rivals ?? []).map(
      ({ profile, rival, registration }): Fact => [
        `rival webhook ${rival} in ${registration}`,
        `is asked about evictions of profile ${profile}`,
      ],
    ),
  ];
}

const age = (seconds: number | null) => (seconds === null ? '<unknown>' : formatAge(seconds * 1000));
