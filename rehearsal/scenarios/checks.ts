import type { Process } from '../../testkit/couchbase/member.ts';
import type { Instance } from '../evidence/pod-watch.ts';
import type { AvailabilityRecord } from '../evidence/record.ts';
import { check, movedNames, nodesIn, type Rule as RuleOf, type Seen, titleOf } from '../evidence/verdict.ts';
import type { TimeInHook } from './time-in-hook.ts';

/** What a scenario left behind, as plain data; rules and figures read it. */
export interface ScenarioSeen extends Seen {
  /** Every instance of a pod that nobody protects, and of those of Jobs that carry the label of protected ones. */
  readonly others: readonly Instance[];
  readonly availability: readonly AvailabilityRecord[];
  /** Whether names come back, and whether one more member comes before one goes. */
  readonly names: NamesSeen;
  /** Keys of the tracking entries. */
  readonly entries: readonly string[];
  readonly inHook: TimeInHook;
  /** How many evictions the hook refused. */
  readonly refusals: number;
}

export interface NamesSeen {
  readonly process: Process;
  /** How many members the operator moves at a time. */
  readonly atOnce: number;
  /** The hook remembers no moved pod, though names come back. Absent: it does. */
  readonly isForgotten?: boolean;
}

export type Rule = RuleOf<ScenarioSeen>;

/** How many members may be down at a time. */
export const available =
  (down: number): Rule =>
  ({ availability }) => {
    const wrong = availability.flatMap(({ cluster, points }) =>
      points
        .filter(({ ready, wanted }) => wanted - ready > down)
        .map(({ afterMs, ready, wanted }) => `${cluster}: ${ready} of ${wanted} ready after ${afterMs / 1000} s`),
    );
    return check(downAtMost(down), availability.length === 0 ? ['nobody looked'] : wrong, 'ready');
  };

/** As many as the operator moves at a time; none if another one comes first. */
export const asAvailable: Rule = (seen) => {
  const { process, atOnce } = seen.names;
  return available(process === 'in-place' ? atOnce : 0)(seen);
};

function downAtMost(down: number): string {
  if (down === 0) return 'no member was ever missing';
  return `never more than ${down === 1 ? 'one member was' : `${down} members were`} down`;
}

/** Names that come back are remembered until the drainer can no longer ask for them; others need no entry. */
export const entriesFit =
  (process: 'in-place' | 'swap'): Rule =>
  (seen) => {
    const expected = process === 'swap' ? [] : [...new Set(movedNames(seen))];
    const missing = expected.filter((name) => !seen.entries.some((entry) => entry.endsWith(`.${name}`)));
    const surplus = seen.entries.filter((entry) => !expected.some((name) => entry.endsWith(`.${name}`)));
    return check(
      process === 'swap' ? 'no tracking entry remains' : 'each moved name has its tracking entry still',
      [...missing.map((name) => `${name} has no entry`), ...surplus.map((entry) => `${entry} remains`)],
      'figures',
    );
  };

/** The same, by what the operator does with names. */
export const asRemembered: Rule = (seen) => {
  const { process, isForgotten = false } = seen.names;
  return entriesFit(process === 'swap' || isForgotten ? 'swap' : 'in-place')(seen);
};

const isOfJob = ({ labels }: Instance) => labels['batch.kubernetes.io/job-name'] !== undefined;
/** Of a DaemonSet: a drain leaves it alone. */
const isDaemon = ({ labels }: Instance) => labels.app === DAEMON_APP;
export const DAEMON_APP = 'agent';

export const othersEvicted: Rule = (seen) => {
  const others = seen.others.filter((one) => !isDaemon(one));
  const nodes = nodesIn(seen);
  const left = others.filter(({ isGone, node = '' }) => !isGone && nodes.includes(node));
  return check('pods that nobody protects were evicted at once', [
    ...(others.some(({ isGone, node = '' }) => isGone && nodes.includes(node)) ? [] : ['none of them left the node']),
    ...left.map((one) => `${titleOf(one)} is still on ${one.node}`),
  ]);
};

/** Its label is the one that the hook selects by, and nobody would move it. */
export const jobEvicted: Rule = (seen) => {
  const key = seen.annotation?.key ?? '';
  const ofJob = seen.others.filter(isOfJob);
  const nodes = nodesIn(seen);
  const evicted = ofJob.filter(({ isGone, node = '' }) => isGone && nodes.includes(node));
  return check("the pod of a Job was evicted like any other, though it carries the members' label", [
    ...(evicted.length > 0 ? [] : ['none has left the node']),
    ...ofJob.filter(({ annotations }) => annotations[key] !== undefined).map((one) => `${titleOf(one)} was marked`),
  ]);
};

export const daemonsStayed: Rule = (seen) => {
  const daemons = seen.others.filter((one) => isDaemon(one) && nodesIn(seen).includes(one.node ?? ''));
  const gone = daemons.filter(({ isGone }) => isGone).map((one) => `${titleOf(one)} has left ${one.node}`);
  return check('the pod of a DaemonSet stayed', daemons.length > 0 ? gone : ['there was none']);
};

export const nobodyMoved: Rule = (seen) =>
  check(
    'no pod was moved',
    movedNames(seen).map((name) => `${name} was moved`),
  );

export const nothingRemembered: Rule = ({ entries }) =>
  check(
    'no tracking entry was written',
    entries.map((entry) => `${entry} was written`),
  );

/** Of the time that the drains took, how much the hook had any answer in hand; in per cent. */
export const hookBusyBelow =
  (percent: number): Rule =>
  ({ inHook }) =>
    check(`the hook had an answer in hand for less than ${percent} % of the drain`, problemsOfShare(inHook, percent));

function problemsOfShare({ answers, busyMs, drainMs }: TimeInHook, percent: number): string[] {
  if (answers === 0 || drainMs === 0) return ['it was not asked'];
  const share = (100 * busyMs) / drainMs;
  return share < percent ? [] : [`it was ${share.toFixed(1)} %`];
}
