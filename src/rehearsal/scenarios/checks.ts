import type { Instance } from '../pod-watch.ts';
import type { AvailabilityRecord, Check } from '../record.ts';

/** One drain of a scenario, as it began and ended. */
export interface DrainSeen {
  readonly node: string;
  /** UIDs of the protected pods that were on the node when it began. */
  readonly drained: ReadonlySet<string>;
  readonly code: number;
  /** It was ended on purpose, or disturbed, and says nothing. */
  readonly isCut: boolean;
}

/** What a scenario left behind, as plain data. */
export interface Seen {
  readonly drains: readonly DrainSeen[];
  /** Every instance that was ever seen. */
  readonly instances: readonly Instance[];
  readonly deletedByOperator: ReadonlySet<string>;
  readonly deletedBefore: ReadonlySet<string>;
  readonly annotation: { readonly key: string; readonly value: string };
  readonly availability: readonly AvailabilityRecord[];
  /** Keys of the tracking entries. */
  readonly entries: readonly string[];
}

/** One thing that must hold, and how it is seen. */
export type Rule = (seen: Seen) => Check;

export const check = (what: string, problems: readonly string[]): Check => ({
  what,
  holds: problems.length === 0,
  problems,
});

const titleOf = ({ name, uid }: Instance) => `${name} (${uid.slice(0, 8)})`;
const isProtected = ({ labels }: Instance) => labels.app === 'couchbase';
const protectedIn = ({ instances }: Seen) => instances.filter(isProtected);

/** Every instance that some drain was to move. */
const drainedIn = ({ drains }: Seen) => new Set(drains.flatMap(({ drained }) => [...drained]));
const nodesIn = ({ drains }: Seen) => [...new Set(drains.map(({ node }) => node))];

/** Names of protected pods that their operator moved. */
export function movedNames(seen: Seen): string[] {
  const { deletedByOperator, deletedBefore } = seen;
  const moved = protectedIn(seen).filter(({ uid }) => deletedByOperator.has(uid) && !deletedBefore.has(uid));
  return moved.map(({ name }) => name).sort();
}

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
  const evicted = protectedIn(seen).filter(({ isGone, uid }) => isGone && !seen.deletedByOperator.has(uid));
  return check(
    'no protected pod was evicted: each that left was deleted by its operator',
    evicted.map((one) => `${titleOf(one)} was evicted`),
  );
};

export const nodesEmpty: Rule = (seen) => {
  const nodes = nodesIn(seen);
  const left = protectedIn(seen).filter(({ isGone, node = '' }) => !isGone && nodes.includes(node));
  return check(
    'no protected pod is left on a drained node',
    left.map((one) => `${titleOf(one)} is still on ${one.node}`),
  );
};

export const movedOnce: Rule = (seen) => {
  const drained = drainedIn(seen);
  const { deletedByOperator, deletedBefore } = seen;
  const inVain = protectedIn(seen).filter(
    ({ uid }) => deletedByOperator.has(uid) && !deletedBefore.has(uid) && !drained.has(uid),
  );
  return check(
    'no pod was moved more often than it had to be',
    inVain.map((one) => `${titleOf(one)} was moved although it was on no draining node when its drain began`),
  );
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

export const othersEvicted: Rule = (seen) => {
  const others = seen.instances.filter((one) => !isProtected(one));
  const nodes = nodesIn(seen);
  const left = others.filter(({ isGone, node = '' }) => !isGone && nodes.includes(node));
  return check('pods that nobody protects were evicted at once', [
    ...(others.some(({ isGone, node = '' }) => isGone && nodes.includes(node)) ? [] : ['none of them left the node']),
    ...left.map((one) => `${titleOf(one)} is still on ${one.node}`),
  ]);
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
