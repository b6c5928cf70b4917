import { decodeEntry } from './entry.ts';
import type { Entry, Node, Pod, Tracker } from './model.ts';
import { drainingSince, isDraining, isJustCordoned } from './node-state.ts';

/** From this return in a row on, the hook marks the pod no more: moving it does not help. */
export const REFUSED_FROM_RETURN = 2;

/** What shows whether a pod came back to the draining node that it, or its predecessor, was to leave. */
export interface ReturnEvidence {
  readonly pod: Pod;
  readonly node: Node;
  /** The earlier instance of the pod's name, if names come back. */
  readonly earlier?: Entry;
  /** The entry of this very instance: it has the count already. */
  readonly own?: Entry;
  /** This process has marked this instance as one that came back, so its own count has it already. */
  readonly isCounted?: boolean;
  readonly tracker?: Tracker;
  /** For a pod without a tracker: the count of this process for the node. */
  readonly returnsToNode?: number;
}

/**
 * How often in a row pods came back to this node while it was draining, this pod included. 0 if this pod did not. An
 * uncordon in between starts over. Counts by name if names come back, else by tracker and node.
 */
export function countReturns(seen: ReturnEvidence, drainTaints: readonly string[]): number {
  const { node, own, tracker } = seen;
  if (!isDraining(node, drainTaints)) return 0;
  if (own !== undefined) return own.returns ?? 0;
  const boundWhileDraining = wasBoundWhileDraining(seen, drainTaints);
  return tracker?.reusesNames ? returnsOfName(seen, boundWhileDraining) : returnsToNode(seen, boundWhileDraining);
}

/** Without an entry, which a tracker can refuse, only the process has counted. */
function returnsOfName(seen: ReturnEvidence, boundWhileDraining: boolean | undefined): number {
  const { earlier, node } = seen;
  if (earlier === undefined || !isOfNode(earlier, node)) return 0;
  const isReturn = boundWhileDraining ?? earlier.draining !== false;
  return isReturn ? (earlier.returns ?? knownOf(seen)) + 1 : 0;
}

/** The count of this process, without the present instance. */
function knownOf({ returnsToNode = 0, isCounted }: ReturnEvidence): number {
  return isCounted ? returnsToNode - 1 : returnsToNode;
}

function returnsToNode(seen: ReturnEvidence, boundWhileDraining: boolean | undefined): number {
  if (boundWhileDraining !== true) return 0;
  return (seen.tracker === undefined ? knownOf(seen) : mostReturns(seen.tracker, seen.node)) + 1;
}

/** Undefined if the API server does not have both times. Within the second of the cordon it counts as before. */
function wasBoundWhileDraining({ pod, node }: ReturnEvidence, drainTaints: readonly string[]): boolean | undefined {
  const since = drainingSince(node, drainTaints);
  if (since === undefined && isJustCordoned(node)) return false;
  return since === undefined || pod.boundAt === undefined ? undefined : since < pod.boundAt;
}

/** Whether the entry is about an instance on this very node (S8). */
export function isOfNode(entry: Entry, node: Pick<Node, 'name' | 'uid'>): boolean {
  if (entry.node !== node.name) return false;
  return entry.nodeUid === undefined || node.uid === '' || entry.nodeUid === node.uid;
}

function mostReturns({ entries }: Tracker, node: Node): number {
  // To decode thousands of made-up values would block the event loop.
  const counting = Object.values(entries).filter((value) => value.includes('"returns":'));
  const counts = counting.map((value) => {
    const entry = decodeEntry(value);
    return isOfNode(entry, node) ? (entry.returns ?? 0) : 0;
  });
  return counts.reduce((a, b) => Math.max(a, b), 0);
}
