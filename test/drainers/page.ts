import type { Answers, DrainerModel, Meaning, NodeMark } from '../../rehearsal/drainers/model.ts';
import { DRAINERS } from '../../rehearsal/drainers/models/index.ts';
import { KINDS } from './kinds.ts';
import type { AtLimit, Outcome, Results } from './results.ts';
import { KUBECTL_LIMIT_S } from './subject.ts';

/*
 * The page docs/drainers.md. All of it is made here, from the models and from what their drains showed, and a test compares
 * both: what is changed there by hand is lost.
 */

const UNKNOWN = '–';

/** The whole page, in Markdown. */
export function pageOf(results: Results): string {
  return `${[
    head(results),
    '## In short\n',
    IN_SHORT,
    '## How each ends\n',
    AFTER_ENDS,
    ends(results),
    '## kubectl, version by version\n',
    `As above, with real binaries and no model. The last row is \`--timeout=${KUBECTL_LIMIT_S}s\` and an operator that does nothing.\n`,
    kubectls(results),
    '## What each does\n',
    WHAT_EACH_DOES,
    habits(),
    '## Time limits\n',
    LIMITS,
    limits(results),
    NEVER_ASKED,
    '## What its user reads\n',
    'While a pod of the profile `couchbase` waits. Some pass the words of the hook on, and others do not. A dash: it asks for nothing.\n',
    readings(results),
    '## What the hook says for each profile\n',
    'The last words of the hook before the pod had left, as kubectl printed them.\n',
    words(results),
    '## Where that was read\n',
    'What a model does, and the file or page that says so. `main` was read in 2026.\n',
    claims(),
    '## What the models leave out\n',
    leftOut(),
  ].join('\n')}`;
}

const head = (results: Results) => `# Drainers

The hook can only refuse. What comes of a drain depends on what the drainer does with a refusal. This page is made by

    npm run cluster:build -- --kubernetes all
    npm run drainers

On a real control plane (${versionsOf(results)}) each drainer drains a node, for one profile of each kind. kubectl is
the real one. The others are models that act as their sources say. Most sources are code. Those of managed
services are pages and reports, so these models guess more ([below](#what-the-models-leave-out)).

A model has a clock of its own, which may be a thousand times as fast as yours. All times on this page are those of the drainer
in life. A fast clock also makes the machine's own delays look longer: read a time as *at the next try*, not as a measurement.
The stand-in for the operator acts after about two tries.
`;

const IN_SHORT = `- A drainer that evicts ends by itself once the operator has moved the pods, with every kind of profile. No pod is moved twice.
  For the services with an asterisk that is a guess: nobody has published what they make of a 404.
- With \`mark: none\` the operator has to see that the node is drained. \`foundationdb-taints\` does nothing if the drainer sets a taint
  that the FoundationDBCluster does not name, or none. The drain then waits for ever, or for its limit, and **a forced update of EKS
  deletes the pods**. Name the taint in its \`taintReplacementOptions\`.
- A MachineDrainRule of Cluster API keeps the hook from being asked. With \`Skip\` the pods go with the machine. With \`WaitCompleted\`
  the drain waits for ever, unless the operator moves pods without being told, as for \`foundationdb-taints\`. Write no such rule for
  protected pods.
- At [their limits](#time-limits) some drainers delete pods. The hook is not asked about that.
- The descheduler and the VPA updater drain no node. Their evictions make the operator move a pod all the same, unless
  [\`MARK_WHEN\`](configuration.md) is \`draining\`.
`;

const AFTER_ENDS = `*Ends* means: each protected pod was moved once, and by its operator. The drain then ended without an error.
The time is from the end of the last pod to the end of the drain. The number is how often the drainer asked for these pods.
An asterisk: nobody has published what that service makes of a 404. The model supposes that the pod counts as gone.
`;

const WHAT_EACH_DOES = `*Gone*: the pod counts as drained. *Again*: it is asked for again. *Fails*: the pod is given up, and so is the drain in the end.
A controller that drains in turns begins another one then.
*Ends*: the drain ends at once. Whoever trusts a 404 does not look whether the pod is still on the node, so the hook says 404 only
when the pod has left.
`;

const LIMITS = `The hook keeps a drainer waiting for as long as the operator needs. Here the operator did nothing, until the limit came. Let a
limit cover all protected pods of one node, moved one after another. \`STALL_AFTER\` (15 min) is when the hook reports a pod whose
operator does not act, so a limit should be well above that.
`;

const NEVER_ASKED = `**A drainer that deletes does not ask.** The hook sees evictions, and nothing else. A DELETE at a limit takes the pod
without its operator, and no setting of the hook changes that. If you cannot raise such a limit, lower \`STALL_AFTER\`, so that somebody
can act in time, and upgrade few nodes at a time.
`;

/** What Kubernetes all was played on; if that is not one version, what was played on others than most of it. */
function versionsOf({ drains, limits }: Results): string {
  const played = [
    ...drains.map(({ kubernetes, drainer, profile }) => ({ kubernetes, what: `\`${drainer}\` with \`${profile}\`` })),
    ...limits.map(({ kubernetes, drainer }) => ({ kubernetes, what: `\`${drainer}\` at its limit` })),
  ];
  const [[most] = [''], ...others] = [...Map.groupBy(played, ({ kubernetes }) => kubernetes)].sort(
    ([, one], [, other]) => other.length - one.length,
  );
  const odd = others.map(([version, all]) => `; ${version} for ${all.map(({ what }) => what).join(', ')}`);
  return `Kubernetes ${most}${odd.join('')}`;
}

type Row = readonly string[];

const table = (header: Row, rows: readonly Row[]) =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |\n`).join('');

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

export const titleOf = ({ title, name, guesses404 }: DrainerModel) =>
  `${title} (\`${name}\`)${guesses404 ? ' \\*' : ''}`;

function ends(all: Results): string {
  const { drains } = all;
  const rows = DRAINERS.map((model) => [
    titleOf(model),
    ...KINDS.map(({ profile }) => {
      const outcome = drains.find((one) => one.drainer === model.name && one.profile === profile);
      return endOf(
        outcome,
        all.limits.find(({ drainer }) => drainer === model.name),
      );
    }),
  ]);
  const profiles = KINDS.map(({ profile, title }) => [`\`${profile}\``, title]);
  return `${table(['profile', 'kind'], profiles)}\n${table(['', ...KINDS.map(({ profile }) => `\`${profile}\``)], rows)}`;
}

/** One drain in a few words. `limit`: what the drainer does at its limit, which is far away in that drain. */
export function endOf(outcome: Outcome | undefined, limit?: AtLimit): string {
  if (outcome === undefined) return '**not played**';
  const { end, pods, problems, requests, lateS = 0 } = outcome;
  const [problem = pods === 'deleted' ? 'a pod was deleted' : undefined] = problems;
  if (problem !== undefined) return `**NOT SAFE**: ${problem}`;
  if (end === 'failed')
    return `**fails** after ${requests} requests; the pods ${pods === 'stay' ? 'stay' : 'are moved'}`;
  if (end === 'waits' && pods === 'moved') return '**waits for ever**, though the pods have moved';
  if (end === 'waits') return waitOf(requests, limit);
  return pods === 'stay' ? '**ends, and the pod is still there**' : `ends, ${timeOf(lateS)}, ${requests} requests`;
}

function waitOf(requests: number, limit: AtLimit | undefined): string {
  const why = requests > 0 ? 'the operator is not told' : 'nobody is asked';
  return limit === undefined ? `**waits for ever**: ${why}` : `**waits for its limit**: ${why}; then ${limitOf(limit)}`;
}

const kubectlsIn = ({ drains }: Results) =>
  [...new Set(drains.map(({ drainer }) => drainer))].filter((name) => /^kubectl /.test(name));

function kubectls(all: Results): string {
  const { drains, limits } = all;
  const names = kubectlsIn(all);
  const rows = KINDS.map(({ profile }) => [
    `\`${profile}\``,
    ...names.map((name) => endOf(drains.find((one) => one.drainer === name && one.profile === profile))),
  ]);
  const limited = [
    `\`--timeout=${KUBECTL_LIMIT_S}s\``,
    ...names.map((name) => shownLimit(limits.find(({ drainer }) => drainer === name))),
  ];
  return table(['', ...names], [...rows, limited]);
}

function habits(): string {
  const rows = DRAINERS.map((model) => {
    const { title, marks, body, answers, afterwards, guesses404 } = model;
    const says = [body.version, ...(body.hasUid ? ['UID'] : []), ...(body.hasNamespace ? [] : ['no namespace'])];
    const { 404: notFound, 429: tooMany, other } = answers;
    return [
      title,
      marksOf(marks),
      paceOf(model),
      says.join(', '),
      `${MEANINGS[notFound]}${guesses404 ? ', a guess' : ''}`,
      ...shownMeanings(tooMany, other),
      looksOf(model),
      afterwards,
    ];
  });
  return table(
    ['drainer', 'marks the node by', 'asks', 'body', '404', '429', '500, 403', 'looks whether a pod has left', 'then'],
    rows,
  );
}

const MEANINGS: Readonly<Record<Meaning, string>> = { gone: 'gone', again: 'again', fails: 'fails', aborts: 'ends' };
const shownMeanings = (...all: readonly Answers[404][]) => all.map((one) => MEANINGS[one]);

function marksOf(marks: readonly NodeMark[]): string {
  const shown = marks.map((mark) => {
    if (mark === 'cordon') return 'cordon';
    return mark.isSomebodyElses ? 'nothing (here: a taint of somebody else)' : `\`${mark.taint}\``;
  });
  return shown.join(', ') || 'nothing';
}

function paceOf({ way }: DrainerModel): string {
  if (way.kind === 'queue')
    return `for each by itself, after ${timeOf(way.leastBackoffMs / 1000)} up to ${timeOf(way.mostBackoffMs / 1000)}`;
  if (way.kind === 'pass') return `one after the other, every ${timeOf(way.everyMs / 1000)}`;
  const { retryAfterMs, rate, window } = way;
  const slowest = rate === undefined ? 'at once' : `at once (${rate.perSecond} requests a second at most)`;
  const pace = `all at the same time, again ${retryAfterMs === 0 ? slowest : `after ${timeOf(retryAfterMs / 1000)}`}`;
  if (window === undefined) return pace;
  const { limitMs, pauseMs, slowPauseMs = pauseMs } = window;
  const pauses = [...new Set([pauseMs, slowPauseMs])].map((ms) => timeOf(ms / 1000)).join(' to ');
  return `${pace}; for ${timeOf(limitMs / 1000)}, and anew after ${pauses}`;
}

function looksOf({ way }: DrainerModel): string {
  if (way.kind === 'queue') return `yes, every ${timeOf(way.lookEveryMs / 1000)}`;
  if (way.kind === 'patient') return way.looks.by === 'node' ? 'yes, in the end' : 'of what it evicted itself';
  return way.lists === 'once' ? 'of what was refused, by UID' : 'only in the next pass';
}

function limits({ limits: all }: Results): string {
  const rows = DRAINERS.map((model) => {
    const { limit, name } = model;
    if (limit === undefined) return [model.title, 'without limit', UNKNOWN, UNKNOWN];
    const shown = shownLimit(all.find(({ drainer }) => drainer === name));
    return [model.title, timeOf(limit.afterMs / 1000), shown, limit.raise ?? UNKNOWN];
  });
  const timeout = 'no `--timeout`, or a longer one ([above](#kubectl-version-by-version))';
  const kubectl = ['kubectl', 'without limit', UNKNOWN, timeout];
  return table(['drainer', 'its limit', 'what happened', 'to raise it'], [kubectl, ...rows]);
}

const shownLimit = (seen: AtLimit | undefined) =>
  seen === undefined ? '**not played**' : `after ${timeOf(seen.afterS)} ${limitOf(seen)}`;

/** What came of a limit, in a few words. */
export function limitOf({ end, pods, nodeIsBack }: AtLimit): string {
  if (pods === 'deleted') return '**it deletes the pod**, and the hook is not asked';
  if (end === 'waits') return 'it asks no more, and waits until the pod has left with its volumes';
  if (nodeIsBack) return 'it rolls back: the node is as before, the pod stays';
  return end === 'ended'
    ? 'it goes on, and the pod is still there'
    : 'it gives up; the pod stays, the node stays marked';
}

function readings(all: Results): string {
  const [{ profile } = { profile: '' }] = KINDS;
  const refusalOf = (name: string) => {
    const { refusal = '' } = all.drains.find((one) => one.drainer === name && one.profile === profile) ?? {};
    return refusal === '' ? UNKNOWN : `\`${refusal}\``;
  };
  const rows = [
    ...kubectlsIn(all).map((name) => [name, 'its standard error', refusalOf(name)]),
    ...DRAINERS.map(({ name, title, tells }) => [title, tells.where, refusalOf(name)]),
  ];
  return table(['drainer', 'where', 'what'], rows);
}

function words({ drains }: Results): string {
  const [name] = drains.map(({ drainer }) => drainer).filter((one) => /^kubectl /.test(one));
  const rows = KINDS.map(({ profile }) => {
    const { refusal = '' } = drains.find((one) => one.drainer === name && one.profile === profile) ?? {};
    const said = refusal.replace(/^.*denied the request: /, '');
    return [`\`${profile}\``, said === '' ? UNKNOWN : `\`${said}\``];
  });
  return table(['profile', 'what the hook says'], rows);
}

const claims = () =>
  table(
    ['drainer', 'what', 'where'],
    DRAINERS.flatMap((model) => model.claims.map(({ what, source }) => [model.title, what, source])),
  );

const leftOut = () =>
  table(
    ['drainer', 'what'],
    DRAINERS.map(({ title, leavesOut }) => [title, leavesOut.join('; ')]),
  );

/** Seconds, in the largest unit that says it well. */
export function timeOf(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 120) return `${Math.round(minutes * 10) / 10} min`;
  return `${Math.round(minutes / 6) / 10} h`;
}
