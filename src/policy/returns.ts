import { decodeEntry } from './entry.ts';
import type { Entry, Node, Pod, Tracker } from './model.ts';
import { drainBeganAt, drainingSince, isDraining, isJustCordoned } from './node-state.ts';
import type { NodeReturns, Refusal } from './observation.ts';
import { namesComeBack, type Profile } from './profiles/profile.ts';

/** From this return in a row on, the hook marks the pod no more: moving it does not help. */
export const REFUSED_FROM_RETURN = 2;

/** For how long a condition may be away within one drain. */
const MOST_AWAY_MS = 3_600_000;

/** What shows whether a pod came back to the draining node that it, or its predecessor, was to leave. */
export interface ReturnEvidence {
  readonly now: number;
  readonly pod: Pod;
  readonly node: Node;
  /** The earlier instance of the pod's name, if names come back. */
  readonly earlier?: Entry;
  /** The entry of the pod's name. One of this very instance has the count already. */
  readonly entry?: Entry;
  readonly tracker?: Tracker;
  readonly refusal?: Refusal;
  readonly profile: Pick<Profile, 'names'>;
  /** The count of this process for the node; for a pod without an entry. */
  readonly returnsToNode?: NodeReturns;
}

/**
 * How often in a row pods came back to this node while it was draining, this pod included. 0 if this pod did not. An
 * uncordon in between starts over. Counts by name if names come back, else by tracker and node.
 */
export function countReturns(seen: ReturnEvidence, drainTaints: readonly string[]): number {
  const { pod, node, entry, tracker, earlier } = seen;
  if (pod.node !== node.name || !isDraining(node, drainTaints)) return 0;
  const since = drainOf(seen, drainTaints);
  if (entry?.uid === pod.uid) return ownReturns(entry, since);
  const boundWhileDraining = wasBoundWhileDraining(seen, drainTaints);
  if (countsByTracker(seen) && tracker && namesComeBack(seen.profile, tracker) && earlier === undefined) return 0;
  if (earlier !== undefined && !isOfNode(earlier, node)) return 0;
  if (!(boundWhileDraining ?? (earlier !== undefined && earlier.draining !== false))) return 0;
  return earlierReturns(seen, since) + 1;
}

/**
 * Since when something may be of the drain that goes on now. A condition may come and go in the middle of a drain; what is older by an
 * hour than its last coming is of another one.
 */
function drainOf({ node, now }: ReturnEvidence, drainTaints: readonly string[]): number | undefined {
  const since = passed(drainBeganAt(node, drainTaints), now);
  if (since !== undefined || isJustCordoned(node)) return since;
  const signAt = passed(drainingSince(node, drainTaints), now);
  return signAt === undefined ? undefined : signAt - MOST_AWAY_MS;
}

/** Other clocks write when a taint or a condition came. A time that is still to come is of one that is wrong, and says nothing. */
const passed = (at: number | undefined, now: number) => (at !== undefined && at > now ? undefined : at);

/** The pod's own entry has the count, unless that is of an earlier drain. */
const ownReturns = ({ at, returns = 0 }: Entry, since: number | undefined) => (isOfDrain(since, at) ? returns : 0);

/**
 * Of another pod, a mark counts only if it was made in this drain and before this pod was bound. Pods that wait for their
 * volumes can be bound long after the cordon, several at once, and none of them has come back.
 */
function earlierReturns(seen: ReturnEvidence, since: number | undefined): number {
  const { pod, node, entry, earlier, tracker, returnsToNode } = seen;
  const precedes = (at: number | undefined) =>
    isOfDrain(since, at) && (at ?? 0) < (pod.boundAt ?? Number.POSITIVE_INFINITY);
  const known = returnsToNode !== undefined && precedes(returnsToNode.at) ? returnsToNode.count : 0;
  if (tracker === undefined || !countsByTracker(seen)) return known;
  if (!namesComeBack(seen.profile, tracker)) return mostReturns(tracker, node, precedes);
  if (!isOfDrain(since, earlier?.at)) return 0;
  return earlier?.returns ?? (entry === undefined ? known : 0);
}

/** Whether something of that time is of the drain that began then. What is not known may be. */
const isOfDrain = (since: number | undefined, at: number | undefined) =>
  since === undefined || at === undefined || at >= since;

/** A tracker that refuses entries cannot count. */
function countsByTracker({ refusal }: ReturnEvidence): boolean {
  return refusal?.isSettled !== true;
}

/**
 * Undefined if nothing tells. Within the second of the cordon a pod counts as bound before it. A condition that has been there since
 * before the pod was bound shows it as well. A newer one may have gone in between.
 */
function wasBoundWhileDraining(
  { pod, node, now }: ReturnEvidence,
  drainTaints: readonly string[],
): boolean | undefined {
  const since = passed(drainBeganAt(node, drainTaints), now);
  const anySince = passed(drainingSince(node, drainTaints), now);
  if (since === undefined && isJustCordoned(node)) return false;
  if (anySince === undefined || pod.boundAt === undefined) return undefined;
  if (anySince < pod.boundAt) return true;
  return since === undefined ? undefined : false;
}

/** Whether the entry is about an instance on this very node (S8). */
export function isOfNode(entry: Entry, node: Pick<Node, 'name' | 'uid'>): boolean {
  if (entry.node !== node.name) return false;
  return entry.nodeUid === undefined || node.uid === '' || entry.nodeUid === node.uid;
}

const COUNTING = new WeakMap<Tracker['entries'], readonly Entry[]>();

/** Decoded once for as long as the entries stay the same, because a tenant can write thousands of them. */
function countingEntries(entries: Tracker['entries']): readonly Entry[] {
  const known = COUNTING.get(entries);
  if (known !== undefined) return known;
  const values = Object.values(entries).filter((value) => value.includes('"returns":'));
  const counting = values.map((value) => decodeEntry(value)).filter(({ returns }) => returns !== undefined);
  COUNTING.set(entries, counting);
  return counting;
}

function mostReturns({ entries }: Tracker, node: Node, precedes: (at: number | undefined) => boolean): number {
  const counts = countingEntries(entries).map((entry) => {
    return isOfNode(entry, node) && precedes(entry.at) ? (entry.returns ?? 0) : 0;
  });
  return counts.reduce((a, b) => Math.max(a, b), 0);
}
