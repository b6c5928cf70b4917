import { decodeEntry, entryPod } from './entry.ts';
import type { Entry, Node, Pod, Tracker } from './model.ts';
import { assertNever } from './model.ts';
import { isDraining } from './node-state.ts';
import { isTerminatingOrFinished, meetsReplacementCondition } from './pod-state.ts';
import { isMarked, type PolicySettings } from './profile.ts';

/**
 * How long an entry must be withdrawn before it goes: the gap between "entry written" and "pod marked" is no reason. Its
 * longest is 120 s: the hook waits 30 s for the answer to the entry, and as long for credentials and a connection for the
 * mark, and the API server, which nobody may be waiting for any more, has 60 s to carry it out.
 */
export const WITHDRAWN_AFTER_MS = 180_000;
/** How long a name must be gone: scaled down, or moved under another name. */
export const GONE_AFTER_MS = 3_600_000;

/** What one tracking entry is about, as the cache sees it. */
export interface EntryObservation {
  readonly entry: Entry;
  /** The pod of that name now. */
  readonly pod?: Pod;
  /** The node that pod is on, if it is on one that exists. */
  readonly node?: Node;
}

/** The rows of the reconcile table. */
export const ENTRY_STATES = ['waiting', 'withdrawn', 'unsettled', 'rescheduled', 'gone'] as const;
export type EntryState = (typeof ENTRY_STATES)[number];

export type Plan =
  | { readonly kind: 'keep'; readonly state: EntryState; readonly lookAgainInMs?: number }
  | { readonly kind: 'prune'; readonly state: EntryState };

/** Which row of the reconcile table an entry is in. An entry without a UID is about an unknown earlier instance. */
export function entryState({ entry, pod, node }: EntryObservation, settings: PolicySettings): EntryState {
  if (pod === undefined) return 'gone';
  const isSameInstance = entry.uid === pod.uid;
  if (isMarked(pod, settings.profile) && (isSameInstance || entry.uid === undefined)) return 'waiting';
  if (isSameInstance) return 'withdrawn';
  return isSettled(pod, node, settings) ? 'rescheduled' : 'unsettled';
}

/** Whether the pod runs where nobody drains. A node that is gone, or not known, is no such place. */
function isSettled(pod: Pod, node: Node | undefined, settings: PolicySettings): boolean {
  if (node === undefined || isDraining(node, settings.drainTaints)) return false;
  return meetsReplacementCondition(pod, settings) && !isTerminatingOrFinished(pod);
}

/** One entry with what it is about, as the cache sees it: for reconciling it, counting it and showing it alike. */
export interface EntryView {
  readonly key: string;
  readonly value: string;
  readonly about: { readonly namespace: string; readonly name: string };
  readonly entry: Entry;
  readonly pod?: Pod;
  readonly state: EntryState;
}

/** Where an entry's pod and its node are looked up. */
export interface Lookup {
  pod(namespace: string, name: string): Pod | undefined;
  node(name: string): Node | undefined;
}

/** The entries that a tracking resource carries; annotations that are none of ours are left out. */
export function viewEntries(tracker: Tracker, lookup: Lookup, settings: PolicySettings): EntryView[] {
  return Object.entries(tracker.entries).flatMap(([key, value]) => {
    const about = entryPod(key, value);
    if (about === undefined) return [];
    const entry = decodeEntry(value);
    const pod = lookup.pod(about.namespace, about.name);
    const node = pod?.node === undefined ? undefined : lookup.node(pod.node);
    const state = entryState({ entry, ...(pod ? { pod } : {}), ...(node ? { node } : {}) }, settings);
    return [{ key, value, about, entry, ...(pod ? { pod } : {}), state }];
  });
}

/** What to do with an entry that has been in `state` for `forMs` without a break. */
export function planEntry(state: EntryState, forMs: number, settings: PolicySettings): Plan {
  switch (state) {
    case 'waiting':
    case 'unsettled':
      return { kind: 'keep', state };
    case 'withdrawn':
      return after(WITHDRAWN_AFTER_MS, state, forMs);
    case 'rescheduled':
      return after(settings.retentionMs, state, forMs);
    case 'gone':
      return after(GONE_AFTER_MS, state, forMs);
    default:
      return assertNever(state);
  }
}

function after(dueMs: number, state: EntryState, forMs: number): Plan {
  return forMs >= dueMs ? { kind: 'prune', state } : { kind: 'keep', state, lookAgainInMs: dueMs - forMs };
}
