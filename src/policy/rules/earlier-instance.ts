import { type Deny, MESSAGES, wait } from '../decision.ts';
import type { Entry } from '../model.ts';
import { isDraining } from '../node-state.ts';
import { onceLive } from '../observation.ts';
import { meetsReplacementCondition } from '../pod-state.ts';
import { isTrackerMissing, LOOK_AT_NODE, markPod, nodeOrGone } from './mark.ts';
import type { PodObservation, Rule } from './rule.ts';

/**
 * A request that names its UID asks for the present instance, whatever came before it. Any other may be about the earlier
 * one: a drainer retries by name, wherever the pod of that name runs by now.
 */
const asksForEarlier = ({ request, earlier }: PodObservation): boolean =>
  request.uid === undefined && earlier !== undefined;

/** It has come back on a node that is being drained, so it must move again. */
export const cameBackOnDrainingNode: Rule<PodObservation> = (seen, settings) => {
  if (!asksForEarlier(seen) || seen.pod.value.node === undefined) return undefined;
  if (seen.node.kind === 'unread') return LOOK_AT_NODE;
  if (!isDraining(nodeOrGone(seen.node), settings.drainTaints)) return undefined;
  return markPod(seen, settings, 'MarkedAgain', ['pod', 'node']);
};

/** The replacement is there but not in place yet; ending the drain now could cost a second member. */
export const notYetInPlace: Rule<PodObservation> = (seen, settings) => {
  const pod = seen.pod.value;
  if (!asksForEarlier(seen) || meetsReplacementCondition(pod, settings)) return undefined;
  return pod.node === undefined
    ? wait('WaitingForSchedule', MESSAGES.waitingForSchedule)
    : wait('WaitingForReady', MESSAGES.waitingForReady);
};

/**
 * It has come back on the very node that it was to leave, which was draining and is not any more (uncordoned in mid-drain).
 * It has not left, and that drainer may be about to switch the machine off. Where the node was at no time draining while
 * the pod was marked, as far as is known, the drain that asks is one of another node, which the pod has left: to refuse
 * would have it moved again and again.
 */
export const cameBackOnItsNode: Rule<PodObservation> = (seen) => {
  const { earlier, remembered, pod } = seen;
  const { node } = pod.value;
  if (!asksForEarlier(seen) || earlier?.node !== node || !wasDraining(earlier, remembered)) return undefined;
  return wait('SameNode', `${MESSAGES.waiting} (it came back on node ${node}, which it was to leave)`);
};

const RESCHEDULED: Deny = { kind: 'deny', reason: 'Rescheduled', code: 404, message: MESSAGES.rescheduled };

/**
 * It has moved. The entry is not consumed: every drainer gets the same answer until the entry is pruned. A tracker that is
 * missing must be missing for sure: its entry may say that this instance is the one that was marked (S5).
 */
export const rescheduled: Rule<PodObservation> = (seen) => {
  if (!asksForEarlier(seen)) return undefined;
  return onceLive(seen, isTrackerMissing(seen) ? ['pod', 'tracker', 'node'] : ['pod', 'node'], RESCHEDULED);
};

/**
 * The cache has not seen this instance yet, so it cannot know whether an earlier one was marked and has moved here.
 * Marking now could move the pod twice: doubt waits (S6).
 */
export const notSeenByCache: Rule<PodObservation> = ({ request, cacheKnowsInstance }) => {
  if (request.uid !== undefined || cacheKnowsInstance) return undefined;
  const message = `${MESSAGES.waiting} (the hook's cache has not seen this pod yet)`;
  return { kind: 'awaitCache', otherwise: wait('CacheBehind', message) };
};

/** An entry says how it was at the moment of the mark, the memory of the cache how it was until that instance had gone. */
function wasDraining(earlier: Entry | undefined, remembered: Entry | undefined): boolean {
  return [earlier, remembered].some(
    (known) => known !== undefined && known.uid === earlier?.uid && known.draining !== false,
  );
}
