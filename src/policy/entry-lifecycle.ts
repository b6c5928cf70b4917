import { decodeEntry, entryPod } from './entry.ts';
import type { Entry, Node, Pod, Tracker } from './model.ts';
import { assertNever } from './model.ts';
import { isDraining } from './node-state.ts';
import { isTerminatingOrFinished, meetsReplacementCondition } from './pod-state.ts';
import { isMarked, type PolicySettings, profileOf } from './profiles/profile.ts';
import { isOfNode } from './returns.ts';

/**
 * How long an entry must be withdrawn before the controller prunes it. It must exceed the time between "entry written"
 * and "pod marked", which is at most 150 s. The hook waits 30 s for the response to the entry. The mark then waits 30 s
 * for its turn, and 30 s for credentials and a connection. The API server then has 60 s to carry out the mark, even if nobody waits for it any
 * more.
 */
export const WITHDRAWN_AFTER_MS = 180_000;
/**
 * How long a name must be gone before the controller prunes its entry. The pod was scaled down, or moved under another
 * name.
 */
export const GONE_AFTER_MS = 3_600_000;

/** One entry and its pod, as the cache sees them. */
export interface EntryObservation {
  readonly entry: Entry;
  /** The pod of that name now. */
  readonly pod?: Pod;
  /** That pod's node, if the node exists. */
  readonly node?: Node;
}

/** The rows of the reconcile table. */
export const ENTRY_STATES = ['waiting', 'withdrawn', 'unsettled', 'rescheduled', 'gone'] as const;
export type EntryState = (typeof ENTRY_STATES)[number];

export type Plan =
  | { readonly kind: 'keep'; readonly state: EntryState; readonly lookAgainInMs?: number }
  | { readonly kind: 'prune'; readonly state: EntryState };

/** The row of the reconcile table for an entry. An entry without a UID is about an unknown earlier instance. */
export function entryState({ entry, pod, node }: EntryObservation, settings: PolicySettings): EntryState {
  if (pod === undefined) return 'gone';
  const isSameInstance = entry.uid === pod.uid;
  if (isMarked(pod) && (isSameInstance || entry.uid === undefined)) return 'waiting';
  if (isSameInstance) return isHeld(pod, node, settings) ? 'waiting' : 'withdrawn';
  return isSettled(pod, node, settings) ? 'rescheduled' : 'unsettled';
}

/** Whether the pod gets no mark, and its drain goes on as far as is known. */
function isHeld(pod: Pod, node: Node | undefined, settings: PolicySettings): boolean {
  const profile = profileOf(pod, settings);
  return (
    profile !== undefined &&
    profile.mark === undefined &&
    (node === undefined || isDraining(node, settings.drainTaints))
  );
}

/** Whether the pod runs on a node that is not draining. A node that is gone or not known does not count. */
function isSettled(pod: Pod, node: Node | undefined, settings: PolicySettings): boolean {
  if (node === undefined || isDraining(node, settings.drainTaints)) return false;
  return meetsReplacementCondition(pod, settings) && !isTerminatingOrFinished(pod);
}

/** One entry of a tracker, decoded. */
export interface ReadEntry {
  readonly key: string;
  readonly value: string;
  readonly about: { readonly namespace: string; readonly name: string };
  readonly entry: Entry;
}

/** One entry with its pod and state, as the cache sees them. The controller, the metrics and `status` use it. */
export interface EntryView extends ReadEntry {
  readonly pod?: Pod;
  readonly state: EntryState;
  /** The entry counts returns to a node that is still draining, so it stays even if its pod is gone. */
  readonly countsReturns: boolean;
}

/** Looks up an entry's pod and its node. */
export interface Lookup {
  pod(namespace: string, name: string): Pod | undefined;
  node(name: string): Node | undefined;
}

/**
 * The entries of a tracker, without annotations that are not the hook's. Whoever may edit a tracker can write anything into
 * it, so an entry counts only about pods of the namespace that its tracker stands for.
 */
export function viewEntries(tracker: Tracker, lookup: Lookup, settings: PolicySettings): EntryView[] {
  return Object.entries(tracker.entries).flatMap(([key, value]) => {
    const read = readEntry(tracker, key, value);
    return read === undefined ? [] : [viewEntry(read, lookup, settings)];
  });
}

/** Decodes an entry; undefined if the annotation is not the hook's, or counts for nothing on this tracker. */
export function readEntry(
  tracker: Pick<Tracker, 'namespace' | 'name' | 'owner'>,
  key: string,
  value: string,
): ReadEntry | undefined {
  const about = entryPod(key, value);
  if (about === undefined || about.namespace !== namespaceOf(tracker)) return undefined;
  return { key, value, about, entry: decodeEntry(value) };
}

/** Adds to an entry what the cache sees now. */
export function viewEntry(read: ReadEntry, lookup: Lookup, settings: PolicySettings): EntryView {
  const { about, entry } = read;
  const pod = lookup.pod(about.namespace, about.name);
  const node = pod?.node === undefined ? undefined : lookup.node(pod.node);
  const state = entryState({ entry, ...(pod ? { pod } : {}), ...(node ? { node } : {}) }, settings);
  return { ...read, ...(pod ? { pod } : {}), state, countsReturns: countsReturns(entry, lookup, settings) };
}

/** An object of the hook stands for its owner, another namespaced one for its namespace, and a Namespace for itself. */
const namespaceOf = ({ owner, namespace, name }: Pick<Tracker, 'namespace' | 'name' | 'owner'>) =>
  owner?.namespace ?? namespace ?? name;

function countsReturns(entry: Entry, lookup: Lookup, { drainTaints }: PolicySettings): boolean {
  if (entry.returns === undefined || entry.node === undefined) return false;
  const node = lookup.node(entry.node);
  return node !== undefined && isOfNode(entry, node) && isDraining(node, drainTaints);
}

/** Plans what to do with an entry that has been in `state` for `forMs` without a break. */
export function planEntry(
  { state, countsReturns = false }: { readonly state: EntryState; readonly countsReturns?: boolean },
  forMs: number,
  settings: PolicySettings,
): Plan {
  switch (state) {
    case 'waiting':
    case 'unsettled':
      return { kind: 'keep', state };
    case 'withdrawn':
      return after(WITHDRAWN_AFTER_MS, state, forMs);
    case 'rescheduled':
      return after(settings.retentionMs, state, forMs);
    case 'gone':
      return countsReturns ? { kind: 'keep', state } : after(GONE_AFTER_MS, state, forMs);
    default:
      return assertNever(state);
  }
}

function after(dueMs: number, state: EntryState, forMs: number): Plan {
  return forMs >= dueMs ? { kind: 'prune', state } : { kind: 'keep', state, lookAgainInMs: dueMs - forMs };
}
