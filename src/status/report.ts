import { lookupIn } from '../cache/cache.ts';
import { storeKey } from '../cache/keys.ts';
import { observeStall, type StallSources } from '../cache/stall-observation.ts';
import { isBelieved, trackerOf } from '../cache/trackers.ts';
import { formatAge } from '../policy/duration.ts';
import { type EntryState, type EntryView, planEntry, viewEntries } from '../policy/entry-lifecycle.ts';
import { assertNever, type Pod, type Tracker } from '../policy/model.ts';
import { drainCause } from '../policy/node-state.ts';
import { planStall, type Stall } from '../policy/plans/stall.ts';
import { isTerminatingOrFinished } from '../policy/pod-state.ts';
import {
  isMarked,
  isProtected,
  type PolicySettings,
  profileNameOf,
  profileOf,
  trackingOfPod,
} from '../policy/profiles/profile.ts';
import type { Rival } from '../policy/profiles/rivals.ts';
import { DrainMemory, type Left } from './progress.ts';
import type { InForce } from './settings.ts';
import type { Unmarked } from './unmarked.ts';

/**
 * The content of `status`, and the JSON of `-o json`: docs/status.md. Fields are only ever added. Ages are in seconds.
 */
export interface StatusReport {
  readonly version: 1;
  /** The name of the registration, and where settings and profiles were read. */
  readonly installation: string;
  readonly settingsFrom: string;
  readonly nodes: readonly DrainingNode[];
  readonly pods: readonly MarkedPod[];
  readonly stalled: readonly StalledPod[];
  /** On draining nodes, without a mark, and not stalled. */
  readonly unmarked: readonly UnmarkedPod[];
  readonly entries: readonly TrackedEntry[];
  /** Webhooks beside which a profile cannot work; null if nobody knows. */
  readonly rivals: readonly Rival[] | null;
}

export interface DrainingNode {
  readonly name: string;
  /** `cordoned`, `deleting`, `gone`, the key of the taint, or the type of the condition. */
  readonly cause: string;
  /** The number of protected pods on it, and how many of them are marked. */
  readonly pods: number;
  readonly marked: number;
  /** Of the protected pods that were known to be on it: how many have moved, are under way, or have no pod of their name. */
  readonly known: number;
  readonly moved: number;
  readonly underWay: number;
  readonly gone: number;
  /** The age of its oldest mark. */
  readonly markedSeconds: number | null;
}

export interface MarkedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string | null;
  readonly state: 'waiting' | 'stalled' | 'ending';
  readonly markedSeconds: number | null;
  /** The field manager that set the annotation. */
  readonly markedBy: string | null;
  /** What the tracker reports, such as `Paused`. */
  readonly hindrance: string | null;
  readonly profile: string;
}

/** A pod that drains wait for, marked or not, and for which nothing will happen without a human. */
export interface StalledPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string | null;
  readonly marked: boolean;
  /** In the words of the metric `reschedule_hook_stalled_pods`. */
  readonly hindrance: string;
  /** As in the Event `RescheduleStalled`, after `The pod`. */
  readonly why: string;
  readonly profile: string;
}

export interface UnmarkedPod extends Unmarked {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string | null;
  readonly profile: string;
}

export interface TrackedEntry {
  readonly tracker: string;
  readonly namespace: string;
  readonly pod: string;
  /** The marked instance, and the node that it was to leave. */
  readonly uid: string | null;
  readonly from: string | null;
  readonly ageSeconds: number | null;
  /** The node of the pod of that name now. */
  readonly node: string | null;
  readonly state: EntryState;
  readonly waitsFor: string;
  /** How long the entry must stay in this state before it is pruned; null if it waits for an event instead. */
  readonly prunedAfterSeconds: number | null;
  /** Of the pod of that name now; null if there is none that a profile selects. */
  readonly profile: string | null;
}

export interface ReportOptions extends InForce {
  /** Absent: every namespace. */
  readonly namespace?: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** undefined: nobody knows. */
  readonly rivals: readonly Rival[] | undefined;
  /** By UID: what the policy says of pods without a mark. */
  readonly unmarked?: ReadonlyMap<string, Unmarked>;
  /** Of one who watches. */
  readonly memory?: DrainMemory;
}

type Known = StallSources;

/** Builds the report from the cache, in the terms of the policy. Sorts it, so that two reports can be compared. */
export function buildReport(cache: Known, options: ReportOptions): StatusReport {
  const { settings, namespace, now, rivals, installation, settingsFrom } = options;
  const isWanted = (one: { namespace: string }) => namespace === undefined || one.namespace === namespace;
  const pods = [...cache.pods.values()].filter((pod) => isProtected(pod, settings) && isWanted(pod));
  const marked = pods.filter((pod) => isMarked(pod));
  const stalled = pods.flatMap((pod) => stalledPod(cache, pod, settings, now));
  const entries = entriesOf(cache, options).filter(isWanted);
  return {
    version: 1,
    installation,
    settingsFrom,
    nodes: sortedBy(drainingNodes(cache, pods, entries, options), ({ name }) => name),
    pods: sortedBy(
      marked.map((pod) => markedPod(cache, pod, settings, now)),
      (pod) => storeKey(pod),
    ),
    stalled: sortedBy(stalled, (pod) => storeKey(pod)),
    unmarked: sortedBy(unmarkedPods(pods, stalled, options), (pod) => storeKey(pod)),
    entries: sortedBy(entries, (entry) => `${entry.tracker} ${podKeyOf(entry)}`),
    rivals: rivals
      ? sortedBy(rivals, ({ profile, rival, registration }) => `${profile} ${rival} ${registration}`)
      : null,
  };
}

const podKeyOf = ({ namespace, pod: name }: TrackedEntry) => storeKey({ namespace, name });

function entriesOf(cache: Known, { settings, now }: ReportOptions): TrackedEntry[] {
  return [...cache.trackers.values()]
    .filter((tracker) => isBelieved(cache, tracker))
    .flatMap((tracker) =>
      viewEntries(tracker, lookupIn(cache), settings).map((view) => trackedEntry(tracker, view, settings, now)),
    );
}

/** A stalled pod is told of once. */
function unmarkedPods(
  pods: readonly Pod[],
  stalled: readonly StalledPod[],
  { settings, unmarked }: ReportOptions,
): UnmarkedPod[] {
  const told = new Set(stalled.map(({ uid }) => uid));
  return pods.flatMap((pod) => {
    const { namespace, name, uid, node = null } = pod;
    const found = unmarked?.get(uid);
    if (found === undefined || told.has(uid) || isMarked(pod)) return [];
    return [{ namespace, name, uid, node, profile: profileNameOf(pod, settings), ...found }];
  });
}

function drainingNodes(
  { nodes, pods: all }: Known,
  pods: readonly Pod[],
  entries: readonly TrackedEntry[],
  { settings, now, memory = new DrainMemory() }: ReportOptions,
): DrainingNode[] {
  const byNode = Map.groupBy(
    pods.filter((pod) => pod.node !== undefined),
    ({ node = '' }) => node,
  );
  const leftBy = Map.groupBy(entries, ({ from }) => from);
  const names = new Set([...[...nodes.values()].map(({ name }) => name), ...byNode.keys()]);
  const draining = [...names].flatMap((name) => {
    const node = nodes.get(name);
    const cause = node === undefined ? 'gone' : drainCause(node, settings.drainTaints);
    if (cause === undefined) return [];
    const on = byNode.get(name) ?? [];
    const left: Left[] = (leftBy.get(name) ?? []).map((entry) => ({ podKey: podKeyOf(entry), state: entry.state }));
    const { of: known, moved, underWay, gone } = memory.progress(name, on, left, (podKey) => all.get(podKey));
    const marked = on.filter((pod) => isMarked(pod));
    const oldest = Math.min(...marked.flatMap(({ mark }) => mark?.at ?? []));
    const markedSeconds = seconds(Number.isFinite(oldest) ? now - oldest : undefined);
    return [{ name, cause, pods: on.length, marked: marked.length, known, moved, underWay, gone, markedSeconds }];
  });
  memory.keep(new Set(draining.map(({ name }) => name)));
  return draining;
}

/** Nothing in the cluster says since when a mark has been there if the API server does not. */
function stallOf(cache: Known, pod: Pod, settings: PolicySettings, now: number): Stall {
  const seen = observeStall(cache, pod, settings, { now, markedForMs: 0 });
  return seen === undefined ? { kind: 'notWaiting' } : planStall(seen, settings);
}

function stalledPod(cache: Known, pod: Pod, settings: PolicySettings, now: number): StalledPod[] {
  const stall = stallOf(cache, pod, settings, now);
  if (stall.kind !== 'stalled') return [];
  const { namespace, name, uid, node = null } = pod;
  const hindrance = stall.hindrance ?? trackerOf(cache, pod, trackingOfPod(pod, settings))?.hindrance ?? 'None';
  const profile = profileNameOf(pod, settings);
  return [{ namespace, name, uid, node, marked: isMarked(pod), hindrance, why: stall.why, profile }];
}

function markedPod(cache: Known, pod: Pod, settings: PolicySettings, now: number): MarkedPod {
  const { namespace, name, uid, node = null, mark } = pod;
  const markedMs = mark?.at === undefined ? undefined : now - mark.at;
  const { kind } = stallOf(cache, pod, settings, now);
  return {
    namespace,
    name,
    uid,
    node,
    state: isTerminatingOrFinished(pod) ? 'ending' : kind === 'stalled' ? 'stalled' : 'waiting',
    markedSeconds: seconds(markedMs),
    markedBy: mark?.by ?? null,
    hindrance: trackerOf(cache, pod, trackingOfPod(pod, settings))?.hindrance ?? null,
    profile: profileNameOf(pod, settings),
  };
}

function trackedEntry(tracker: Tracker, view: EntryView, settings: PolicySettings, now: number): TrackedEntry {
  const { about, entry, pod, state } = view;
  const plan = planEntry(view, 0, settings);
  const prunedAfterMs = plan.kind === 'keep' ? plan.lookAgainInMs : 0;
  return {
    tracker: `${tracker.resource.kind.toLowerCase()}/${storeKey(tracker)}`,
    namespace: about.namespace,
    pod: about.name,
    uid: entry.uid ?? null,
    from: entry.node ?? null,
    ageSeconds: seconds(entry.at === undefined ? undefined : now - entry.at),
    node: pod?.node ?? null,
    state,
    waitsFor: waitsFor(view, prunedAfterMs),
    prunedAfterSeconds: seconds(prunedAfterMs),
    profile: (pod && profileOf(pod, settings)?.name) ?? null,
  };
}

/** Describes the next event in a few words. */
function waitsFor({ state, pod }: EntryView, prunedAfterMs = 0): string {
  const after = formatAge(prunedAfterMs);
  switch (state) {
    case 'waiting':
      return pod?.node === undefined ? 'its operator to move it' : `its operator to move it off ${pod.node}`;
    case 'unsettled':
      return pod?.node === undefined ? 'the new pod to be scheduled' : `the new pod to settle; it is on ${pod.node}`;
    case 'rescheduled':
      return `nothing: settled on ${pod?.node}, pruned after ${after} there`;
    case 'withdrawn':
      return `nothing: not marked any more, pruned after ${after}`;
    case 'gone':
      return `a pod of this name; without one, pruned after ${after}`;
    default:
      return assertNever(state);
  }
}

const seconds = (ms: number | undefined) => (ms === undefined ? null : Math.max(0, Math.floor(ms / 1000)));

const sortedBy = <T>(all: readonly T[], key: (one: T) => string): T[] =>
  all.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
