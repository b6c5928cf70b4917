import { type Deny, MESSAGES, wait } from '../decision.ts';
import type { Entry } from '../model.ts';
import { isDraining } from '../node-state.ts';
import { isLive, onceLive } from '../observation.ts';
import { meetsReplacementCondition } from '../pod-state.ts';
import { isTrackerMissing, LOOK_AT_NODE, markPod, nodeOrGone } from './mark.ts';
import type { PodObservation, Rule } from './rule.ts';

/**
 * A request with a UID is about the present instance, whatever came before it. A request without one may be about the
 * earlier instance: a drainer retries by name, wherever the pod of that name runs by now.
 */
const asksForEarlier = ({ request, earlier }: PodObservation): boolean =>
  request.uid === undefined && earlier !== undefined;

/** The pod came back on a draining node, so it must move again. */
export const cameBackOnDrainingNode: Rule<PodObservation> = (seen, settings) => {
  if (!asksForEarlier(seen) || seen.pod.value.node === undefined) return undefined;
  if (seen.node.kind === 'unread') return LOOK_AT_NODE;
  if (!isDraining(nodeOrGone(seen.node), settings.drainTaints)) return undefined;
  return markPod(seen, settings, 'MarkedAgain', ['pod', 'node']);
};

/** The replacement exists but is not in place yet. To end the drain now could cost a second member. */
export const notYetInPlace: Rule<PodObservation> = (seen, settings) => {
  const pod = seen.pod.value;
  if (!asksForEarlier(seen) || meetsReplacementCondition(pod, settings)) return undefined;
  return pod.node === undefined
    ? wait('WaitingForSchedule', MESSAGES.waitingForSchedule)
    : wait('WaitingForReady', MESSAGES.waitingForReady);
};

/**
 * The pod came back on the node that it had to leave. That node was draining and is not any more, because somebody
 * uncordoned it in mid-drain. The pod has not left, and the drainer may be about to switch the machine off.
 * If the node was never known to be draining while the pod was marked, the request comes from a drain of another node.
 * The pod has left that node, and a refusal would move it again and again.
 */
export const cameBackOnItsNode: Rule<PodObservation> = (seen) => {
  const { earlier, remembered, pod } = seen;
  const { node } = pod.value;
  if (!asksForEarlier(seen) || earlier?.node !== node || !wasDraining(earlier, remembered)) return undefined;
  return wait('SameNode', `${MESSAGES.waiting} (it came back on node ${node}, which it was to leave)`);
};

const RESCHEDULED: Deny = { kind: 'deny', reason: 'Rescheduled', code: 404, message: MESSAGES.rescheduled };

/**
 * The pod has moved. The entry stays: every drainer gets the same response until the controller prunes it. Only a live
 * read may show that a tracker is missing, because its entry may name this instance as the marked one (S5).
 */
export const rescheduled: Rule<PodObservation> = (seen) => {
  if (!asksForEarlier(seen)) return undefined;
  return onceLive(seen, isTrackerMissing(seen) ? ['pod', 'tracker', 'node'] : ['pod', 'node'], RESCHEDULED);
};

/**
 * The cache has not seen this instance yet, so it cannot know whether an earlier one was marked and moved here. A mark
 * now could move the pod twice: doubt waits (S6).
 */
export const notSeenByCache: Rule<PodObservation> = ({ request, cacheKnowsInstance, tracker }) => {
  if (request.uid !== undefined || cacheKnowsInstance) return undefined;
  // The cache may be behind with the entry, too: another replica may have marked the earlier instance.
  if (!isLive(tracker)) return { kind: 'look', at: 'tracker', live: true };
  const message = `${MESSAGES.waiting} (the hook's cache has not seen this pod yet)`;
  return { kind: 'awaitCache', otherwise: wait('CacheBehind', message) };
};

/** An entry has the state at the time of the mark; the cache's memory covers the time until that instance was gone. */
function wasDraining(earlier: Entry | undefined, remembered: Entry | undefined): boolean {
  return [earlier, remembered].some(
    (known) => known !== undefined && known.uid === earlier?.uid && known.draining !== false,
  );
}
