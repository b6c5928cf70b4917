import type { Entry, EntryElsewhere, Node, Pod, Tracker } from '../model.ts';
import { isDraining } from '../node-state.ts';
import { isTerminatingOrFinished } from '../pod-state.ts';
import type { Reported } from '../profiles/hindrance.ts';
import { isMarked, type PolicySettings, type Profile } from '../profiles/profile.ts';
import { isOfNode } from '../returns.ts';
import { findEntry } from '../tracking/elsewhere.ts';

/**
 * For how long the node must have been calm before a mark on it is taken back. Tools uncordon a node and cordon it again when
 * they fail. What comes and goes without an end would have the pod marked without an end, too, and nobody would hear that its
 * operator does not act. So each mark that was taken back makes it twice as long for the next one.
 */
export const CALM_MS = 15_000;
const MOST_CALM_MS = 3_600_000;
/** When to look again at a pod whose operator may be at work. */
const AT_WORK_RETRY_MS = 10_000;

/** A marked pod, and what is known of the drain that it was marked for. */
export interface DrainObservation {
  readonly pod: Pod;
  readonly profile: Profile;
  /** Its node, if that exists. */
  readonly node?: Node;
  readonly tracker?: Tracker;
  readonly elsewhere?: EntryElsewhere;
  /** The UID of the node that this process saw draining since the mark. */
  readonly drainedNode?: string;
  /** How many marks of the pod have been taken back, each within a day of the one before. */
  readonly takenBack?: number;
}

/** Whether the hook takes its mark back: the profile says so, and the drain is over. */
export function isDrainOver(seen: DrainObservation, settings: PolicySettings): boolean {
  return seen.profile.withdraws === true && hasDrainEnded(seen, settings);
}

/**
 * Whether the hook marked the pod for a drain that is over: the node was draining and is not any more. If the node never was,
 * somebody evicted the pod for another reason, and its move still stands.
 */
export function hasDrainEnded(seen: DrainObservation, settings: PolicySettings): boolean {
  const { pod, node } = seen;
  if (!isOurs(pod) || isTerminatingOrFinished(pod)) return false;
  if (node === undefined || isDraining(node, settings.drainTaints)) return false;
  return seen.drainedNode === node.uid || saysDraining(entryOf(seen, settings), pod, node);
}

/** In how many ms the mark may be taken back; 0: now. `calmForMs`: for how long its drain has been over. */
export function withdrawInMs(
  { tracker, takenBack = 0 }: Pick<DrainObservation, 'tracker' | 'takenBack'>,
  reported: Reported | undefined,
  calmForMs: number,
): number {
  const wantedMs = Math.min(MOST_CALM_MS, CALM_MS * 2 ** takenBack);
  if (calmForMs < wantedMs) return wantedMs - calmForMs;
  return [tracker?.hindrance, reported?.word].every(isAtRest) ? 0 : AT_WORK_RETRY_MS;
}

/** An operator that reports nothing has not begun, nor has one that is paused. Any other report may come from the move. */
const isAtRest = (word: string | undefined) => word === undefined || word.endsWith('Paused');

/** The mark is surely the hook's, and nobody else wants it. */
export function isOurs(pod: Pod): boolean {
  const { mark } = pod;
  return isMarked(pod) && mark?.by !== undefined && !mark.isForeign && !mark.isShared;
}

/** Entries of other installations say nothing about the marks of this one. */
function entryOf({ pod, tracker, elsewhere }: DrainObservation, { installation }: PolicySettings): Entry | undefined {
  const entry = findEntry(pod, tracker, elsewhere)?.entry;
  return (entry?.installation ?? installation) === installation ? entry : undefined;
}

/** Of this very node (S8). An entry has no UID of a node that was gone, and one that came since has not been drained. */
function saysDraining(entry: Entry | undefined, pod: Pod, node: Node): boolean {
  if (entry === undefined || entry.nodeUid === undefined) return false;
  return entry.uid === pod.uid && entry.draining !== false && isOfNode(entry, node);
}
