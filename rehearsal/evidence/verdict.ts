import type { LogLine } from '../../testkit/log-lines.ts';
import { type Annotation, isMarked } from '../operator/model.ts';
import { type History, isWaiting } from './history.ts';
import type { Instance } from './pod-watch.ts';
import type { Check, Figure, PartOfReport } from './record.ts';

/** One run of a drainer, as it began and ended; times are on the clock of the operator. */
export interface DrainSeen {
  readonly node: string;
  /** UIDs of the protected pods that were on the node when it began. */
  readonly drained: ReadonlySet<string>;
  readonly beganAt: number;
  readonly endedAt: number;
  readonly code: number;
  /** What the drainer complained of last, if it ended with an error. */
  readonly complaint?: string;
  /** It was ended on purpose, or disturbed, and says nothing: the next run on that node goes on with the same drain. */
  readonly isCut: boolean;
  /** The operator did not act before the drainer had asked again for so many of them. */
  readonly heldFor: number;
  /** Names of the protected pods that were on the node when it had ended without an error. */
  readonly left: readonly string[];
}

/** What any rehearsal left behind, as plain data. */
export interface Seen {
  readonly drains: readonly DrainSeen[];
  /** Every protected instance that was ever seen. */
  readonly members: readonly Instance[];
  /** When the operator deleted an instance itself, by UID. */
  readonly deletedAt: ReadonlyMap<string, number>;
  /** Those of them that were only one too many, and were not moved. Absent: none. */
  readonly surplus?: ReadonlySet<string>;
  /** When an instance was rightly evicted, because its operator had let it go; by UID. Absent: that never happens. */
  readonly evictedAt?: ReadonlyMap<string, number>;
  readonly startedAt: number;
  /** Nodes that were drained and may be used again. */
  readonly givenBack: ReadonlySet<string>;
  /** Absent: pods carry no mark. */
  readonly annotation?: Annotation;
  /** UIDs of those that another object asks to be moved, at the end. Absent: no other object is asked. */
  readonly stillAsked?: ReadonlySet<string>;
  readonly history: History;
}

/** One thing that must hold, and how it is seen. */
export type Rule<T extends Seen = Seen> = (seen: T) => Check;

/** `shownIn`: the part of the report that shows it; absent: the log. */
export const check = (what: string, problems: readonly string[], shownIn?: PartOfReport): Check => ({
  what,
  holds: problems.length === 0,
  problems,
  ...(shownIn === undefined ? {} : { shownIn }),
});

export const titleOf = ({ name, uid }: Pick<Instance, 'name' | 'uid'>) => `${name} (${uid.slice(0, 8)})`;

export const nodesIn = ({ drains }: Seen) => [...new Set(drains.map(({ node }) => node))];

/** When an instance left as it should: its operator deleted it, or it was evicted once its operator had let it go. */
const leftAt = ({ deletedAt, evictedAt }: Pick<Seen, 'deletedAt' | 'evictedAt'>, uid: string) =>
  deletedAt.get(uid) ?? evictedAt?.get(uid);

/** Instances that their operator moved since it began, with when. */
function movedIn(seen: Seen): (Instance & { readonly at: number })[] {
  const members = seen.members.filter(({ uid }) => !seen.surplus?.has(uid));
  const moves = members.map((one) => ({ ...one, at: leftAt(seen, one.uid) ?? Number.NEGATIVE_INFINITY }));
  return moves.filter(({ at }) => at >= seen.startedAt);
}

/** Names of protected pods that their operator moved, one for each move. */
export const movedNames = (seen: Seen): string[] =>
  movedIn(seen)
    .map(({ name }) => name)
    .sort();

/** How often each pod name was moved. */
function movesByPod(seen: Seen): ReadonlyMap<string, number> {
  const moves = new Map<string, number>();
  for (const name of movedNames(seen)) moves.set(name, (moves.get(name) ?? 0) + 1);
  return moves;
}

export const rehearsed: Rule = ({ drains }) =>
  check(
    'protected pods were on the drained node',
    [
      ...(drains.some(({ drained }) => drained.size > 0)
        ? []
        : ['no protected pod was on the node, so nothing was rehearsed']),
    ],
    'timeline',
  );

export const drainsEnded: Rule = ({ drains }) => {
  const left = drains.filter(({ isCut }) => !isCut);
  const wrong = left.filter(({ code }) => code !== 0);
  const because = (complaint: string | undefined) => (complaint === undefined ? '' : `: ${complaint}`);
  return check(
    'each drain ended by itself, without an error',
    [
      ...(left.length === 0 ? ['no drain came to its end'] : []),
      ...wrong.map(
        ({ node, code, complaint }) => `the drain of ${node} ended with exit code ${code}${because(complaint)}`,
      ),
    ],
    'nodes',
  );
};

/** Nobody but the operator deletes protected pods in a rehearsal, or evicts what the operator has not let go. */
export const nobodyEvicted: Rule = (seen) => {
  const evicted = seen.members.filter(({ isGone, uid }) => isGone && leftAt(seen, uid) === undefined);
  return check(
    seen.evictedAt === undefined
      ? 'no protected pod was evicted: each that left was deleted by its operator'
      : 'no protected pod was evicted before its operator had let it go',
    evicted.map((one) => `${titleOf(one)} was evicted, not moved by its operator`),
    'instances',
  );
};

/** At the end of each drain, and still at the end of all drains if the node was not given back. */
export const nodesEmpty: Rule = (seen) => {
  const closed = nodesIn(seen).filter((node) => !seen.givenBack.has(node));
  const back = seen.members.filter(({ isGone, node = '' }) => !isGone && closed.includes(node));
  return check(
    'no protected pod remains on a drained node',
    [
      ...seen.drains.flatMap(({ node, left }) => left.map((name) => `${name} was on ${node} when its drain had ended`)),
      ...back.map((one) => `${titleOf(one)} is still on ${one.node}`),
    ],
    'timeline',
  );
};

/**
 * A 404 is wrong if an instance of that name was on a draining node for as long as the hook had the request in hand. If its
 * operator was about to delete it, the 404 may have been right: a watch sees everything a little later.
 */
export const releasedLate: Rule = (seen) => {
  const { history, members } = seen;
  const uids = new Set(members.map(({ uid }) => uid));
  const problems = history.responses.flatMap(({ pod, code, from, to }) => {
    if (code !== 404) return [];
    const here = history.stays.filter(
      (stay) =>
        stay.name === pod &&
        uids.has(stay.uid) &&
        stay.from < from &&
        to < Math.min(stay.to, leftAt(seen, stay.uid) ?? Infinity) &&
        history.drainings.some(({ node, ...span }) => node === stay.node && span.from < from && to < span.to),
    );
    return here.map((stay) => `a drainer heard "moved" about ${titleOf(stay)} while it was still on ${stay.node}`);
  });
  return check('no drainer heard "moved" while the pod was still on a draining node', [...new Set(problems)]);
};

/** Most of a drain is responses that keep the drainer waiting. A drain without one has not been rehearsed. */
export const askedAgain: Rule = ({ drains, members, history }) => {
  const problems = drains
    .filter(({ isCut, code, drained }) => !isCut && code === 0 && drained.size > 0)
    .flatMap(({ node, drained, beganAt, endedAt, heldFor }) => {
      const names = [...new Set(members.filter(({ uid }) => drained.has(uid)).map(({ name }) => name))];
      const refused = history.responses.filter(
        (one) => isWaiting(one) && one.sender === 'drainer' && beganAt <= one.to && one.to <= endedAt,
      );
      const missing = names.filter((name) => !refused.some(({ pod }) => pod === name));
      if (names.length - missing.length >= Math.max(1, heldFor)) return [];
      return [`no drainer was told to wait for ${listed(missing)} while it was still on ${node}`];
    });
  return check('a drainer that asked again was told again to wait', problems, 'instances');
};

const MOST_NAMES = 3;

function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` or ${more} more` : '');
}

/** A pod is moved once for each drain of its node, while that drain goes on, and no name is moved a second time. */
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
  return check('no pod was moved more often than it had to be', problems, 'instances');
};

export const nobodyMarked: Rule = ({ members, annotation, stillAsked }) => {
  const isToMove = (one: Instance) => stillAsked?.has(one.uid) === true || isMarked(one, annotation);
  const marked = members.filter((one) => !one.isGone && isToMove(one));
  return check(
    'no pod is still marked',
    marked.map((one) => `${titleOf(one)} is marked to be moved once more`),
    'instances',
  );
};

/** What must hold after every drain, in the words of somebody who owns the database. */
export const SAFE: readonly Rule[] = [
  rehearsed,
  drainsEnded,
  nobodyEvicted,
  nodesEmpty,
  releasedLate,
  askedAgain,
  movedOnce,
  nobodyMarked,
];

export const checksOf = (seen: Seen): Check[] => SAFE.map((rule) => rule(seen));

/** How many were moved, and how often each. */
export function figuresOf(seen: Seen): Figure[] {
  const drained = new Set(seen.drains.flatMap((drain) => [...drain.drained]));
  const moves = [...movesByPod(seen)].map(([pod, count]) => `${pod} ${count}x`);
  return [
    { what: 'pods moved', value: `${moves.length} of ${drained.size} on the node` },
    { what: 'moves per pod', value: moves.join(', ') || 'none' },
  ];
}

/** How many evictions in a namespace the hook refused with 429, by its own log. */
export function refusalsIn(lines: readonly LogLine[], namespace: string | undefined): number {
  return lines.filter(
    (line) =>
      line.namespace === namespace && (line.decision === 'mark' || (line.decision === 'deny' && line.code === 429)),
  ).length;
}
