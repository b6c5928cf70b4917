import { formatAge } from '../duration.ts';
import { WITHDRAWN_AFTER_MS } from '../entry-lifecycle.ts';
import { describeMarks, type MarkHistory, markHistory } from '../mark-history.ts';
import type { Entry, EntryElsewhere, Namespace, Node, Pod, Tracker } from '../model.ts';
import { drainingSince, isCordon, isDraining, questionOfReturn } from '../node-state.ts';
import type { MarkRecord, NodeReturns, Refusal } from '../observation.ts';
import { describeHindrance, describeUnschedulable, isTerminatingOrFinished } from '../pod-state.ts';
import { describeHold, firstPolicy, POLICY_KEY, type Policy } from '../policy-annotation.ts';
import { someOf, uncountable, underWay } from '../profiles/group-moves.ts';
import type { Reported } from '../profiles/hindrance.ts';
import { isMarked, type PolicySettings, type Profile } from '../profiles/profile.ts';
import type { RequestObject } from '../requests/request.ts';
import { countReturns, REFUSED_FROM_RETURN } from '../returns.ts';
import { findEntry } from '../tracking/elsewhere.ts';

/** What the controller knows of a pod that may wait. */
export interface StallObservation {
  readonly now: number;
  readonly pod: Pod;
  /** The profile that selects it. */
  readonly profile: Profile;
  /** Its node, if the cache knows it. */
  readonly node?: Node;
  readonly tracker?: Tracker;
  /** Its Namespace, if Namespaces may say what becomes of evictions. */
  readonly namespace?: Namespace;
  /** The pod's latest entry at places that are only read. */
  readonly elsewhere?: EntryElsewhere;
  readonly remembered?: Entry;
  readonly ownMarks?: MarkRecord;
  readonly returnsToNode?: NodeReturns;
  readonly refusal?: Refusal;
  /** What a custom resource of its profile says. */
  readonly reported?: Reported;
  /** The pods of its group, where its profile limits how many may be under way. */
  readonly group?: readonly Pod[];
  /** How long the process has known the present mark, or that there is none; for one without a time, or whose time somebody makes newer. */
  readonly markedForMs: number;
  /** A drainer has asked this process for it a short time ago. */
  readonly isAwaited?: boolean;
}

/**
 * `hindrance`: one PascalCase word for the metric; absent if only the tracker may say what hinders its operator. `why`:
 * what people read after `the pod`. `shownBy`: absent if what shows that the pod waits does not come and go by itself.
 */
export type Stall =
  | { readonly kind: 'notWaiting' }
  | { readonly kind: 'stalled'; readonly hindrance?: string; readonly why: string; readonly shownBy?: FickleSign }
  | { readonly kind: 'lookAgain'; readonly inMs: number; readonly shownBy?: FickleSign };

/** What may come and go by itself: a node that drains without a cordon, or a drainer that asks now and then. */
export type FickleSign = 'node' | 'drainer';

const NOT_WAITING: Stall = { kind: 'notWaiting' };

/** Whether that sign is there now. If the pod does not wait all the same, what it waited for has gone. */
export function isShown(sign: FickleSign, seen: StallObservation, { drainTaints }: PolicySettings): boolean {
  if (sign === 'drainer') return seen.isAwaited === true;
  return seen.node !== undefined && isDraining(seen.node, drainTaints);
}

/** Only a pod without a mark waits for these. */
export const WAITS_UNMARKED: readonly string[] = [
  'ComesBack',
  'Held',
  'OtherInstallation',
  'GroupBusy',
  'BudgetExhausted',
];

/**
 * Whether a drain waits for the pod, and nothing will happen without a human; otherwise in how many ms to look again. Its
 * operator has not moved it for STALL_AFTER, or it comes back to its draining node, or the scheduler finds no node.
 */
export function planStall(seen: StallObservation, settings: PolicySettings): Stall {
  if (isTerminatingOrFinished(seen.pod)) return NOT_WAITING;
  return (
    comesBackStall(seen, settings) ??
    heldStall(seen, settings) ??
    unmarkedStall(seen) ??
    otherInstallationStall(seen, settings) ??
    groupStall(seen, settings) ??
    budgetStall(seen) ??
    unschedulableStall(seen, settings) ??
    notMovedStall(seen, settings)
  );
}

function comesBackStall(seen: StallObservation, settings: PolicySettings): Stall | undefined {
  const { pod, node } = seen;
  if (node === undefined || isMarked(pod)) return undefined;
  const [entry, earlier] = [entryOf(seen, settings), earlierOf(seen, settings)];
  const evidence = { ...seen, node, ...(entry && { entry }), ...(earlier && { earlier }) };
  const returns = countReturns(evidence, settings.drainTaints);
  if (returns < REFUSED_FROM_RETURN) return undefined;
  const why = `came back ${returns} times to node ${node.name} while that was draining, and is not marked again; ${questionOfReturn(node, settings.drainTaints)}`;
  return { kind: 'stalled', hindrance: 'ComesBack', why, ...fickle(node) };
}

/**
 * What is left of STALL_AFTER since that time, which another clock tells. One that is further ahead than STALL_AFTER is of a clock
 * that is wrong: then it counts how long this process has seen the pod like this.
 */
function leftSince(since: number | undefined, { now, profile, markedForMs }: StallObservation): number {
  const isKnown = since !== undefined && since - now <= profile.stallAfterMs;
  return profile.stallAfterMs - (isKnown ? now - since : markedForMs);
}

/** Some drainers ask only every few minutes, and not always the same replica. */
const ASKED = { shownBy: 'drainer' } as const;
const fickle = (node: Node): { readonly shownBy?: 'node' } => (isCordon(node) ? {} : { shownBy: 'node' });

/** People say that nobody may mark it, and its node is draining. */
function heldStall(seen: StallObservation, { drainTaints }: PolicySettings): Stall | undefined {
  const { pod, node } = seen;
  const hold = holdOf(seen);
  if (node === undefined || isMarked(pod) || hold === undefined || !isDraining(node, drainTaints)) return undefined;
  const waits = fickle(node);
  const leftByTimeMs = leftSince(drainingSince(node, drainTaints), seen);
  // What comes and goes has a new time each time.
  const leftMs = waits.shownBy ? Math.min(leftByTimeMs, seen.profile.stallAfterMs - seen.markedForMs) : leftByTimeMs;
  if (leftMs > 0) return { kind: 'lookAgain', inMs: leftMs, ...waits };
  const why = `is not marked, because ${POLICY_KEY} ${describeHold(hold)}`;
  return { kind: 'stalled', hindrance: 'Held', why, ...waits };
}

/**
 * Its profile has no mark, and a drainer waits for it. How long the node has been draining says nothing: somebody may have
 * cordoned it long before, and others evict without a cordon.
 */
function unmarkedStall(seen: StallObservation): Stall | undefined {
  const { profile, markedForMs, isAwaited } = seen;
  if (profile.mark !== undefined || !isAwaited) return undefined;
  const leftMs = profile.stallAfterMs - markedForMs;
  if (leftMs > 0) return { kind: 'lookAgain', inMs: leftMs, ...ASKED };
  const why = `has not left by itself, and its profile ${profile.name} has no mark`;
  return profile.request === undefined
    ? { kind: 'stalled', hindrance: 'Held', why, ...ASKED }
    : { ...notLeftStall(seen, profile.request), ...ASKED };
}

/** What people say of the pod, if that is to hold it. */
function holdOf({ pod, tracker, namespace }: StallObservation): Policy | undefined {
  const policy = firstPolicy(pod, tracker, namespace);
  return policy?.policy === 'hold' ? policy : undefined;
}

/** Whether it could be asked for, its object says, which nobody watches. */
function notLeftStall(
  { pod, tracker, reported }: StallObservation,
  { kind, label }: RequestObject,
): Extract<Stall, { kind: 'stalled' }> {
  const hindrance = describeHindrance(tracker, reported);
  const about = hindrance === undefined ? '' : ` (${hindrance})`;
  const why = `has not left; moves of it are asked for on ${kind} ${pod.labels[label] ?? ''}${about}`;
  return { kind: 'stalled', ...(reported && { hindrance: reported.word }), why };
}

/** Another installation keeps the pod's entry, and has not moved the pod either. */
function otherInstallationStall(seen: StallObservation, settings: PolicySettings): Stall | undefined {
  const { pod, node, tracker, elsewhere } = seen;
  const found = findEntry(pod, tracker, elsewhere);
  const { installation = settings.installation, at } = found?.entry ?? {};
  const isFree = node === undefined || !isDraining(node, settings.drainTaints) || isMarked(pod);
  if (installation === settings.installation || at === undefined || isFree) return undefined;
  const leftMs = leftSince(at, seen);
  if (leftMs > 0) return { kind: 'lookAgain', inMs: leftMs, ...fickle(node) };
  const why = `is not marked, because the installation ${installation} of this hook keeps its entry on ${found?.on}`;
  return { kind: 'stalled', hindrance: 'OtherInstallation', why, ...fickle(node) };
}

/** The others of the pod's group that it may be waiting for, each with what it is at. */
export function othersOf({ pod, profile, tracker, group }: StallObservation): readonly string[] {
  return tracker === undefined || group === undefined ? [] : underWay(pod, profile, tracker, group);
}

/** A drain has asked for the pod, and others of its group have been away, or about to be, for all that time. */
function groupStall(seen: StallObservation, settings: PolicySettings): Stall | undefined {
  const { pod, profile, node, tracker, group, markedForMs } = seen;
  const { maxConcurrent, stallAfterMs } = profile;
  if (maxConcurrent === undefined || group === undefined || isMarked(pod)) return undefined;
  if (node === undefined || !isDraining(node, settings.drainTaints)) return undefined;
  const why = uncountable(tracker, seen.refusal, group);
  const others = why === undefined ? othersOf(seen) : [];
  if (why === undefined && others.length < maxConcurrent.pods) return undefined;
  if (markedForMs < stallAfterMs) return { kind: 'lookAgain', inMs: stallAfterMs - markedForMs, ...fickle(node) };
  const which = why === undefined ? someOf(others) : `nobody can count them: ${why}`;
  const text = `has waited for over ${formatAge(stallAfterMs)} for others of its group, which come first (${which})`;
  return { kind: 'stalled', hindrance: 'GroupBusy', why: text, ...fickle(node) };
}

/** A drainer waits for the pod, and it has not been marked for all that time. Its budget was read at each request. */
function budgetStall({ pod, profile, markedForMs, isAwaited }: StallObservation): Stall | undefined {
  const { respectsBudgets, stallAfterMs } = profile;
  if (!respectsBudgets || isMarked(pod) || !isAwaited) return undefined;
  if (markedForMs < stallAfterMs) return { kind: 'lookAgain', inMs: stallAfterMs - markedForMs, ...ASKED };
  const why = `has waited for over ${formatAge(stallAfterMs)} for its disruption budget to allow a disruption`;
  return { kind: 'stalled', hindrance: 'BudgetExhausted', why, ...ASKED };
}

/** Only a successor of an instance that was to move keeps a drain waiting. */
function unschedulableStall(seen: StallObservation, settings: PolicySettings): Stall | undefined {
  const { replacementCondition } = settings;
  const { pod, now } = seen;
  const since = pod.unschedulable?.since;
  if (pod.node !== undefined || since === undefined || replacementCondition === 'left') return undefined;
  if (earlierOf(seen, settings) === undefined) return undefined;
  const leftMs = leftSince(since, seen);
  if (leftMs > 0) return { kind: 'lookAgain', inMs: leftMs };
  const why = `was moved and cannot be scheduled (${describeUnschedulable(pod, now)})`;
  return { kind: 'stalled', hindrance: 'Unschedulable', why };
}

function notMovedStall(seen: StallObservation, settings: PolicySettings): Stall {
  const { pod, now, profile, ownMarks, markedForMs } = seen;
  const history = markHistory({ uid: pod.uid, markedAt: pod.mark?.at }, entryOf(seen, settings), ownMarks);
  // A mark that was taken away once is withdrawn. One that the hook had to make again is being fought over.
  const isWithdrawn = history.lastAt === undefined || now - history.lastAt > WITHDRAWN_AFTER_MS;
  if (!isMarked(pod) && (history.marks < 2 || isWithdrawn)) return NOT_WAITING;
  // The API server keeps only when its setter wrote last, and whoever may edit the pod can write as often as they like.
  const forMs = Math.max(isMarked(pod) ? markedForMs : 0, now - (history.firstAt ?? now));
  const leftMs = profile.stallAfterMs - forMs;
  if (leftMs > 0) return { kind: 'lookAgain', inMs: leftMs };
  const why = whyNotMoved(seen, history, formatAge(profile.stallAfterMs));
  const hindrance = hindranceOf(seen, history);
  return { kind: 'stalled', ...(hindrance === undefined ? {} : { hindrance }), why };
}

function hindranceOf(seen: StallObservation, { marks }: MarkHistory): string | undefined {
  if (seen.pod.isReported) return holdOf(seen) ? 'Held' : 'EvictionRefused';
  return marks > 1 ? 'Unmarked' : seen.reported?.word;
}

function whyNotMoved(seen: StallObservation, history: MarkHistory, age: string): string {
  const { pod, tracker, reported, now } = seen;
  const details = [describeMarksOf(history, now), describeHindrance(tracker, reported), describeSelector(pod)];
  const text = details.filter((detail) => detail !== undefined).join('; ');
  const about = text === '' ? '' : ` (${text})`;
  const hold = holdOf(seen);
  const but = hold === undefined ? 'its eviction by the hook is refused' : `${POLICY_KEY} ${describeHold(hold)}`;
  const what = pod.isReported
    ? `${operatorOf(pod)} reports that it may go, but ${but}`
    : `${operatorOf(pod)} has not moved it`;
  return `was marked over ${age} ago and ${what}${about}`;
}

function describeMarksOf(history: MarkHistory, now: number): string | undefined {
  const text = describeMarks(history, now);
  return text === '' ? undefined : `marked ${text}`;
}

/** Nobody moves the pods of a ReplicaSet, or pods without an owner. */
function describeSelector({ owner }: Pod): string | undefined {
  if (owner === undefined) return 'the pod has no owner: the selector of the hook may be too wide';
  const isReplicaSet = owner.kind === 'ReplicaSet' && owner.apiVersion.startsWith('apps/');
  return isReplicaSet ? 'a ReplicaSet owns the pod: the selector of the hook is too wide' : undefined;
}

/** Who is to move the pod, for people. */
export function operatorOf({ owner }: Pod): string {
  return owner === undefined ? 'its operator' : `the operator of ${owner.kind} ${owner.name}`;
}

/** Entries of other installations say nothing about the marks of this one. */
function entryOf({ pod, tracker, elsewhere }: StallObservation, { installation }: PolicySettings): Entry | undefined {
  const entry = findEntry(pod, tracker, elsewhere)?.entry;
  return (entry?.installation ?? installation) === installation ? entry : undefined;
}

function earlierOf(seen: StallObservation, settings: PolicySettings): Entry | undefined {
  const known = entryOf(seen, settings) ?? seen.remembered;
  return known?.uid === seen.pod.uid ? undefined : known;
}
