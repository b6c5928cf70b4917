import { type Deny, type Mark, type MarkNote, MESSAGES, wait } from '../../decision.ts';
import { describeMarks, type MarkHistory, markHistory } from '../../mark-history.ts';
import { isDraining } from '../../node-state.ts';
import { isLive, LOOK_AT_NODE, type Look, nodeOrGone, onceLive, type Subject, seenValue } from '../../observation.ts';
import { type MarkOfProfile, markValue } from '../../profiles/mark.ts';
import { namesComeBack, type PolicySettings, type Profile } from '../../profiles/profile.ts';
import { readsElsewhere } from '../../tracking/tracking.ts';
import { returnsOf } from '../comes-back.ts';
import type { PodObservation, Rule } from '../rule.ts';
import { whyNotToAsk } from './asked.ts';
import { budgetAllowsNone } from './budget-exhausted.ts';
import { groupIsBusy, noteOfGroup } from './group-busy.ts';

/** The last rule: refuse, and mark exactly this instance. */
export const mark: Rule<PodObservation> = (seen, settings) => {
  const { pod, tracker, request, profile } = seen;
  const isToRemember = tracker.kind === 'present' && namesComeBack(profile, tracker.value) && !request.dryRun;
  // If the pod had to be read live, the cache may be behind with its tracker, too.
  if (isToRemember && isLive(pod) && !isLive(tracker)) return { kind: 'look', at: 'tracker', live: true };
  return markPod(seen, settings, 'Marked', []);
};

/**
 * A first mark may rest on the cache, because its writes are guarded by the observation (S4). Two marks must rest on
 * live reads: a mark without its entry, and an entry with a node that is not draining. The cordon may be milliseconds
 * old. The tracker is then read live as well, because the write to it must not be outdated. If entries are read
 * elsewhere too, any mark rests on a live look there: no write is guarded by those trackers. `restsOn`: what else the
 * calling rule needs to have read live.
 */
export function markPod(
  seen: PodObservation,
  settings: PolicySettings,
  reason: Mark['reason'],
  restsOn: readonly Subject[],
): Mark | Deny | Look {
  const busy = whyNotToAsk(seen) ?? groupIsBusy(seen) ?? budgetAllowsNone(seen);
  if (busy !== undefined) return busy;
  const returns = returnsOf(seen, settings);
  const where = placeForEntry(seen, returns);
  const draining = where.entryOn === undefined || drains(seen, settings);
  if (typeof draining !== 'boolean') return draining;
  const what = whatAsks(seen);
  if (what === undefined) return holdPod(seen, settings, restsOn);
  const history = historyWith(seen);
  const again = describeMarks(history, seen.now);
  const evidence = [...evidenceForWrites(seen, 'entryOn' in where && !draining), ...restsOn, ...what.restsOn];
  return onceLive<Mark>(seen, evidence, {
    kind: 'mark',
    reason,
    message: again === '' ? what.message : `${what.message} (${again})`,
    pod: seen.pod.value,
    ...what.writes,
    note: { ...noteOf(seen, { draining, returns, history }), ...noteOfGroup(seen) },
    ...(isCounted(seen.profile) ? { isLocked: true } : {}),
    ...where,
  });
}

/** The profile has no mark: nobody is asked, and the drain waits until the pod has left by itself. */
function holdPod(seen: PodObservation, settings: PolicySettings, restsOn: readonly Subject[]): Mark | Deny | Look {
  const message = `${MESSAGES.waiting} (profile ${seen.profile.name} has no mark, so nobody is asked to move it)`;
  return rememberPod(seen, settings, wait('Held', message), restsOn) ?? wait('Held', message);
}

/**
 * An entry for a pod that gets no mark of the hook, so that its successor is told from it; undefined if it needs none, or has
 * one. `answer`: what the drainer gets.
 */
export function rememberPod(
  seen: PodObservation,
  settings: PolicySettings,
  answer: Deny,
  restsOn: readonly Subject[],
): Mark | Look | undefined {
  const { pod, entry } = seen;
  const returns = returnsOf(seen, settings);
  const { entryOn } = placeForEntry(seen, returns);
  if (entryOn === undefined || entry?.uid === pod.value.uid) return undefined;
  const draining = drains(seen, settings);
  if (typeof draining !== 'boolean') return draining;
  return onceLive<Mark>(seen, [...evidenceForWrites(seen, !draining), ...restsOn], {
    kind: 'mark',
    reason: answer.reason === 'Held' ? 'Held' : 'Remembered',
    message: answer.message,
    pod: pod.value,
    note: noteOf(seen, { draining, returns, history: { marks: 1 } }),
    entryOn,
  });
}

/** What asks the operator to move the pod; undefined if nobody is to be asked. */
function whatAsks(seen: PodObservation): Asking | undefined {
  const { profile, target } = seen;
  if (profile.mark !== undefined) {
    return { writes: { annotation: annotationFor(seen, profile.mark) }, message: MESSAGES.marked, restsOn: [] };
  }
  if (target.kind !== 'present') return undefined;
  const { kind, name, path, resourceVersion, changes } = target.value;
  return {
    writes: { request: { kind, name, path, resourceVersion, changes } },
    message: `${MESSAGES.waiting} (its move is asked for on ${kind} ${name})`,
    // It is about this instance, and the write is guarded by the version of the object alone.
    restsOn: ['pod', 'target'],
  };
}

interface Asking {
  readonly writes: Pick<Mark, 'annotation' | 'request'>;
  readonly message: string;
  readonly restsOn: readonly Subject[];
}

function annotationFor({ pod, now }: PodObservation, mark: MarkOfProfile): NonNullable<Mark['annotation']> {
  const annotation = { key: mark.key, value: markValue(mark.value, pod.value, now) };
  return mark.match === 'present' ? { ...annotation, ifUnchanged: true } : annotation;
}

/** Whether marks wait for others, which are counted by their entries. */
const isCounted = ({ maxConcurrent, respectsBudgets }: Profile) =>
  maxConcurrent !== undefined || respectsBudgets === true;

type PlaceForEntry = Pick<Mark, 'entryOn' | 'trackerMissing'>;

/** The tracker that gets the entry, or why there is none. A pod whose name does not come back needs none. */
function placeForEntry(seen: PodObservation, returns: number): PlaceForEntry {
  const { tracker, refusal, profile } = seen;
  if (tracker.kind === 'absent') return tracker.why === undefined ? {} : { trackerMissing: tracker.why };
  if (!namesComeBack(profile, tracker.value) && returns === 0 && !isCounted(profile)) return {};
  return refusal?.isSettled ? { trackerMissing: refusal.why } : { entryOn: tracker.value };
}

/** The marks of this instance, the coming one included. */
function historyWith(seen: PodObservation): MarkHistory {
  const { pod, lastWriter } = seen;
  const history = markHistory({ uid: pod.value.uid }, seen.entry, seen.ownMarks);
  if (!isMarkLost(seen)) return history;
  return { ...history, marks: history.marks + 1, ...(lastWriter === undefined ? {} : { unmarkedBy: lastWriter }) };
}

/** Whether this process saw a mark of this instance disappear. A mark that was never made does not count. */
function isMarkLost({ pod, ownMarks }: PodObservation): boolean {
  return ownMarks?.uid === pod.value.uid && ownMarks.isLost;
}

function noteOf(
  { node }: PodObservation,
  { draining, returns, history }: { draining: boolean; returns: number; history: MarkHistory },
): MarkNote {
  const nodeUid = seenValue(node)?.uid;
  return {
    draining,
    ...(nodeUid ? { nodeUid } : {}),
    ...(returns > 0 ? { returns } : {}),
    // A mark that failed was none, so its time does not count.
    ...(history.marks > 1 ? { marks: history.marks, ...firstAtOf(history) } : {}),
    ...(history.unmarkedBy === undefined ? {} : { unmarkedBy: history.unmarkedBy }),
  };
}

const firstAtOf = ({ firstAt }: MarkHistory) => (firstAt === undefined ? {} : { firstAt });

/** Empty for a dry run, which writes nothing. `isCalm`: an entry will say that the node is not draining. */
function evidenceForWrites(seen: PodObservation, isCalm: boolean | undefined): readonly Subject[] {
  if (seen.request.dryRun) return [];
  if (isCalm) return ['pod', 'tracker', 'node'];
  const isElsewhere = readsElsewhere(seen.profile.tracking);
  if (isElsewhere || seen.refusal !== undefined || isTrackerMissing(seen)) return ['pod', 'tracker'];
  return isMarkLost(seen) ? ['pod'] : [];
}

/** Whether the pod should have a tracker and has none, as far as the looks show. */
export function isTrackerMissing({ tracker }: PodObservation): boolean {
  return tracker.kind === 'absent' && tracker.why !== undefined;
}

/**
 * Whether the pod's node is draining, for its entry. A pod without a node counts as on a draining one, because it may
 * be bound to any.
 */
function drains({ pod, node }: PodObservation, settings: PolicySettings): boolean | Look {
  if (pod.value.node === undefined) return true;
  return node.kind === 'unread' ? LOOK_AT_NODE : isDraining(nodeOrGone(node), settings.drainTaints);
}
