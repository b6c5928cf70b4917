import type { Instance } from '../pod-watch.ts';
import type { AvailabilityRecord, Check } from '../record.ts';
import type { TimeInHook } from './time-in-hook.ts';

/** One run of a drainer, as it began and ended; times are on the clock of the operator. */
export interface DrainSeen {
  readonly node: string;
  /** UIDs of the protected pods that were on the node when it began. */
  readonly drained: ReadonlySet<string>;
  readonly beganAt: number;
  readonly endedAt: number;
  readonly code: number;
  /** It was ended on purpose, or disturbed, and says nothing: the next run on that node goes on with the same drain. */
  readonly isCut: boolean;
  /** Names of the protected pods that were on the node when it had ended without an error. */
  readonly left: readonly string[];
}

/** What a scenario left behind, as plain data. */
export interface Seen {
  readonly drains: readonly DrainSeen[];
  /** Every instance that was ever seen. */
  readonly instances: readonly Instance[];
  /** When the operator deleted an instance itself, by UID. */
  readonly deletedAt: ReadonlyMap<string, number>;
  readonly startedAt: number;
  /** Nodes that were drained and may be used again. */
  readonly givenBack: ReadonlySet<string>;
  readonly annotation: { readonly key: string; readonly value: string };
  readonly availability: readonly AvailabilityRecord[];
  /** Keys of the tracking entries. */
  readonly entries: readonly string[];
  readonly inHook: TimeInHook;
}

/** One thing that must hold, and how it is seen. */
export type Rule = (seen: Seen) => Check;

export const check = (what: string, problems: readonly string[]): Check => ({
  what,
  holds: problems.length === 0,
  problems,
});

const titleOf = ({ name, uid }: Instance) => `${name} (${uid.slice(0, 8)})`;
/** What the operator moves. The label that the hook selects by is also on pods of its Jobs. */
export const isMember = ({ labels }: Pick<Instance, 'labels'>) => labels.couchbase_server === 'true';
const protectedIn = ({ instances }: Seen) => instances.filter(isMember);

/** Every instance that some drain was to move. */
const drainedIn = ({ drains }: Seen) => new Set(drains.flatMap(({ drained }) => [...drained]));
const nodesIn = ({ drains }: Seen) => [...new Set(drains.map(({ node }) => node))];

/** Instances that their operator moved since the scenario began, with when. */
function movedIn(seen: Seen): (Instance & { readonly at: number })[] {
  const moves = protectedIn(seen).map((one) => ({
    ...one,
    at: seen.deletedAt.get(one.uid) ?? Number.NEGATIVE_INFINITY,
  }));
  return moves.filter(({ at }) => at >= seen.startedAt);
}

/** Names of protected pods that their operator moved, one for each move. */
export const movedNames = (seen: Seen): string[] =>
  movedIn(seen)
    .map(({ name }) => name)
    .sort();

export const rehearsed: Rule = (seen) =>
  check('protected pods were on the drained node', drainedIn(seen).size > 0 ? [] : ['nothing was rehearsed']);

export const drainsEnded: Rule = ({ drains }) => {
  const left = drains.filter(({ isCut }) => !isCut);
  const wrong = left.filter(({ code }) => code !== 0).map(({ node, code }) => `${node}: exit code ${code}`);
  return check(
    'each drain ended by itself, without an error',
    left.length === 0 ? ['no drain came to its end'] : wrong,
  );
};

export const nobodyEvicted: Rule = (seen) => {
  const evicted = protectedIn(seen).filter(({ isGone, uid }) => isGone && !seen.deletedAt.has(uid));
  return check(
    'no protected pod was evicted: each that left was deleted by its operator',
    evicted.map((one) => `${titleOf(one)} was evicted`),
  );
};

/** At the end of each drain, and still at the end of all where the node was not given back. */
export const nodesEmpty: Rule = (seen) => {
  const closed = nodesIn(seen).filter((node) => !seen.givenBack.has(node));
  const back = protectedIn(seen).filter(({ isGone, node = '' }) => !isGone && closed.includes(node));
  return check('no protected pod is left on a drained node', [
    ...seen.drains.flatMap(({ node, left }) => left.map((name) => `${name} was on ${node} when its drain had ended`)),
    ...back.map((one) => `${titleOf(one)} is still on ${one.node}`),
  ]);
};

/** Once for each drain: off its node, while it went on, and no name a second time. */
export const movedOnce: Rule = (seen) => {
  const before = new Set<string>();
  const problems = movedIn(seen).flatMap((one) => {
    const drains = seen.drains.filter(({ node }) => node === one.node);
    const isDue = drains.some(({ beganAt, endedAt, isCut }) => beganAt <= one.at && (isCut || one.at <= endedAt));
    if (!isDue) return [`${titleOf(one)} was moved although no drain of its node was going on`];
    const nth = drains.filter(({ endedAt, isCut }) => !isCut && endedAt < one.at).length;
    const drain = `${one.node} ${nth} ${one.name}`;
    if (before.has(drain)) return [`${titleOf(one)} was moved for a drain that its name had been moved for already`];
    before.add(drain);
    return [];
  });
  return check('no pod was moved more often than it had to be', problems);
};

export const nobodyMarked: Rule = (seen) => {
  const { key, value } = seen.annotation;
  const marked = protectedIn(seen).filter(({ isGone, annotations }) => !isGone && annotations[key] === value);
  return check(
    'no pod is left marked',
    marked.map((one) => `${titleOf(one)} is marked to be moved once more`),
  );
};

/** How many members may be down at a time. */
export const available =
  (down: number): Rule =>
  ({ availability }) => {
    const wrong = availability.flatMap(({ cluster, points }) =>
      points
        .filter(({ ready, wanted }) => wanted - ready > down)
        .map(({ afterMs, ready, wanted }) => `${cluster}: ${ready} of ${wanted} ready after ${afterMs / 1000} s`),
    );
    const what = `never more than ${down === 1 ? 'one member was' : `${down} members were`} down`;
    return check(what, availability.length === 0 ? ['nobody looked'] : wrong);
  };

/** Names that come back are remembered until the drainer can no longer ask for them; others need no entry. */
export const entriesFit =
  (process: 'in-place' | 'swap'): Rule =>
  (seen) => {
    const expected = process === 'swap' ? [] : [...new Set(movedNames(seen))];
    const missing = expected.filter((name) => !seen.entries.some((entry) => entry.endsWith(`.${name}`)));
    const surplus = seen.entries.filter((entry) => !expected.some((name) => entry.endsWith(`.${name}`)));
    return check(process === 'swap' ? 'no tracking entry is left' : 'each moved name has its tracking entry still', [
      ...missing.map((name) => `${name} has no entry`),
      ...surplus.map((entry) => `${entry} is left over`),
    ]);
  };

const isOfJob = ({ labels }: Instance) => labels['batch.kubernetes.io/job-name'] !== undefined;
/** Of a DaemonSet: a drain leaves it alone. */
const isDaemon = ({ labels }: Instance) => labels.app === DAEMON_APP;
export const DAEMON_APP = 'agent';

export const othersEvicted: Rule = (seen) => {
  const others = seen.instances.filter((one) => !isMember(one) && !isDaemon(one));
  const nodes = nodesIn(seen);
  const left = others.filter(({ isGone, node = '' }) => !isGone && nodes.includes(node));
  return check('pods that nobody protects were evicted at once', [
    ...(others.some(({ isGone, node = '' }) => isGone && nodes.includes(node)) ? [] : ['none of them left the node']),
    ...left.map((one) => `${titleOf(one)} is still on ${one.node}`),
  ]);
};

/** Its label is the one that the hook selects by, and nobody would move it. */
export const jobEvicted: Rule = (seen) => {
  const { key } = seen.annotation;
  const ofJob = seen.instances.filter(isOfJob);
  const nodes = nodesIn(seen);
  const evicted = ofJob.filter(({ isGone, node = '' }) => isGone && nodes.includes(node));
  return check("the pod of a Job was evicted like any other, though it carries the members' label", [
    ...(evicted.length > 0 ? [] : ['none has left the node']),
    ...ofJob.filter(({ annotations }) => annotations[key] !== undefined).map((one) => `${titleOf(one)} was marked`),
  ]);
};

export const daemonsStayed: Rule = (seen) => {
  const daemons = seen.instances.filter((one) => isDaemon(one) && nodesIn(seen).includes(one.node ?? ''));
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
