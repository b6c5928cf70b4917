import { type Deny, MESSAGES, wait } from '../decision.ts';
import { formatAge } from '../duration.ts';
import type { Entry } from '../model.ts';
import { isDraining } from '../node-state.ts';
import { isLive, LOOK_AT_NODE, nodeOrGone, onceLive, type Subject, seenValue } from '../observation.ts';
import { describeUnschedulable, meetsReplacementCondition } from '../pod-state.ts';
import { isMarked, type PolicySettings } from '../profiles/profile.ts';
import { isOfNode } from '../returns.ts';
import { isTrackerMissing, markPod } from './asking/mark.ts';
import { otherInstallation } from './other-installation.ts';
import { asksForEarlier, type PodObservation, type Rule } from './rule.ts';

/** The pod came back on a draining node, so it must move again, unless another installation keeps its entry. */
export const cameBackOnDrainingNode: Rule<PodObservation> = (seen, settings) => {
  if (!asksForEarlier(seen) || seen.pod.value.node === undefined) return undefined;
  if (seen.node.kind === 'unread') return LOOK_AT_NODE;
  if (!isDraining(nodeOrGone(seen.node), settings.drainTaints)) return undefined;
  return otherInstallation(seen, settings) ?? markPod(seen, settings, 'MarkedAgain', ['pod', 'node']);
};

/**
 * The replacement exists but is not in place yet. To end the drain now could cost a second member. With
 * REPLACEMENT_CONDITION=left it is enough that the earlier instance has left.
 */
export const notYetInPlace: Rule<PodObservation> = (seen, settings) => {
  const pod = seen.pod.value;
  if (!asksForEarlier(seen) || settings.replacementCondition === 'left') return undefined;
  if (meetsReplacementCondition(pod, settings)) return undefined;
  if (pod.node !== undefined) return wait('WaitingForReady', MESSAGES.waitingForReady);
  const why = describeUnschedulable(pod, seen.now);
  return wait('WaitingForSchedule', `${MESSAGES.waitingForSchedule}${why === undefined ? '' : ` (${why})`}`);
};

/**
 * The pod came back on the node that it had to leave. That node was draining and is not any more, because somebody
 * uncordoned it in mid-drain. The pod has not left, and the drainer may be about to switch the machine off.
 * If the node was never known to be draining while the pod was marked, the request comes from a drain of another node.
 * The pod has left that node, and a refusal would move it again and again.
 */
export const cameBackOnItsNode: Rule<PodObservation> = (seen) => {
  const { earlier, remembered } = seen;
  const { node } = seen.pod.value;
  if (!asksForEarlier(seen) || !isOnItsNode(seen) || !wasDraining(earlier, remembered)) return undefined;
  return wait('SameNode', `${MESSAGES.waiting} (it came back on node ${node}, which it was to leave)`);
};

/**
 * A sign that comes and goes is back by then, and so is the cordon of a tool that began anew. The entry has to outlive it: a pod of
 * which nothing is known any more would be moved again.
 */
const endedForMs = ({ retentionMs }: PolicySettings) => Math.min(5 * 60_000, retentionMs / 3);

/**
 * The node of the pod was draining a short time ago, with the pod on it. Who drains it may be the one that asks, and a taint or
 * a condition may be away for a moment only. Most drainers believe a 404, and the pod is still there (S3).
 */
export const drainMayGoOn: Rule<PodObservation> = (seen, settings) => {
  if (!asksForEarlier(seen) || !mayGoOn(seen, settings)) return undefined;
  const age = formatAge(seen.drainEndedForMs ?? 0);
  const why = `node ${seen.pod.value.node} was being drained until ${age} ago, and that drain may go on`;
  return wait('DrainJustEnded', `${MESSAGES.waiting} (${why})`);
};

const mayGoOn = ({ drainEndedForMs }: PodObservation, settings: PolicySettings) =>
  drainEndedForMs !== undefined && drainEndedForMs < endedForMs(settings);

const RESCHEDULED: Deny = { kind: 'deny', reason: 'Rescheduled', code: 404, message: MESSAGES.rescheduled };

/**
 * The pod has moved. The entry stays: every drainer gets the same response until the controller prunes it. Only a live
 * read may show that a tracker is missing, because its entry may name this instance as the marked one (S5).
 */
export const rescheduled: Rule<PodObservation> = (seen) => {
  if (!asksForEarlier(seen)) return undefined;
  const where: readonly Subject[] = seen.pod.value.node === undefined ? ['pod'] : ['pod', 'node'];
  return onceLive(seen, isTrackerMissing(seen) ? ['tracker', ...where] : where, RESCHEDULED);
};

/**
 * The pod has moved, and somebody else marked it meanwhile, for a move of their own. The drain that asks for the earlier
 * instance is over. Only if the mark is surely not the hook's: an entry, the field manager and the memory of this
 * process would all say so.
 */
export const rescheduledThoughMarked: Rule<PodObservation> = (seen, settings) => {
  const { pod, earlier, remembered, ownMarks } = seen;
  const { mark, node } = pod.value;
  if (!asksForEarlier(seen) || !isMarked(pod.value) || !mark?.isForeign || ownMarks !== undefined) return undefined;
  // An unknown earlier instance may be this very one.
  if (earlier?.uid === undefined || node === undefined) return undefined;
  if (!meetsReplacementCondition(pod.value, settings)) return undefined;
  if (seen.node.kind === 'unread') return LOOK_AT_NODE;
  if (isDraining(nodeOrGone(seen.node), settings.drainTaints)) return undefined;
  if (mayGoOn(seen, settings) || (isOnItsNode(seen) && wasDraining(earlier, remembered))) return undefined;
  return onceLive(seen, ['pod', 'tracker', 'node'], RESCHEDULED);
};

/**
 * The cache has not seen this instance yet, so it cannot know whether an earlier one was marked and moved here. A mark
 * now could move the pod twice: doubt waits (S6).
 */
export const notSeenByCache: Rule<PodObservation> = ({ request, cacheKnowsInstance, cacheTrouble, tracker }) => {
  if (request.uid !== undefined || cacheKnowsInstance) return undefined;
  // The cache may be behind with the entry, too: another replica may have marked the earlier instance.
  if (!isLive(tracker)) return { kind: 'look', at: 'tracker', live: true };
  const otherwise = cacheTrouble
    ? wait('CacheUnsynced', `${MESSAGES.waiting} (${cacheTrouble.text})`)
    : wait('CacheBehind', `${MESSAGES.waiting} (the hook's cache has not seen this pod yet)`);
  return cacheTrouble?.lasts ? otherwise : { kind: 'awaitCache', otherwise };
};

/** Whether the pod is on the node that the earlier instance was to leave, and not on one that replaced it (S8). */
function isOnItsNode({ earlier, pod, node }: PodObservation): boolean {
  const name = pod.value.node;
  return earlier !== undefined && name !== undefined && isOfNode(earlier, { name, uid: seenValue(node)?.uid ?? '' });
}

/** An entry has the state at the time of the mark; the cache's memory covers the time until that instance was gone. */
function wasDraining(earlier: Entry | undefined, remembered: Entry | undefined): boolean {
  return [earlier, remembered].some(
    (known) => known !== undefined && known.uid === earlier?.uid && known.draining !== false,
  );
}
