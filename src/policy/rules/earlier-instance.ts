import { MESSAGES, type Observation, type Rule } from '../decision.ts';
import type { Entry, PolicySettings } from '../model.ts';
import { isDraining, isMarked, isProtected, isTerminatingOrFinished, meetsReplacementCondition } from '../pod-state.ts';
import { markIt } from './mark.ts';

/**
 * The instance of this name that was marked before the present one. The tracking entry speaks first; one that names the
 * present instance says that this one was asked to move, so there is no earlier one to wait for (S5).
 */
export function earlierInstance({ pod, entry, remembered }: Observation): Entry | undefined {
  const known = entry ?? remembered;
  return known === undefined || pod === undefined || known.uid === pod.uid ? undefined : known;
}

/** Whether rules 8a to 8c will look at the pod's node, or an entry tell of it, so that a live observation has to read it. */
export function needsNode(observation: Observation, settings: PolicySettings): boolean {
  const { pod, tracker } = observation;
  if (pod?.node === undefined || !isProtected(pod, settings) || isTerminatingOrFinished(pod) || isMarked(pod, settings))
    return false;
  return asksForEarlier(observation) || tracker?.reusesNames === true;
}

/** Rule 8a: it has come back on a node that is being drained, so it must move again. */
export const cameBackOnDrainingNode: Rule = (observation, settings) => {
  const { pod, node } = observation;
  if (!asksForEarlier(observation) || pod?.node === undefined) return undefined;
  return isDraining(node, settings.drainTaints) ? markIt(observation, settings, pod, '8a', 'MarkedAgain') : undefined;
};

/** Rule 8b: the replacement is there but not in place yet; ending the drain now could cost a second member. */
export const notYetInPlace: Rule = (observation, settings) => {
  const { pod } = observation;
  if (!asksForEarlier(observation) || pod === undefined || meetsReplacementCondition(pod, settings)) return undefined;
  return pod.node === undefined
    ? { kind: 'deny', rule: '8b', reason: 'WaitingForSchedule', code: 429, message: MESSAGES.waitingForSchedule }
    : { kind: 'deny', rule: '8b', reason: 'WaitingForReady', code: 429, message: MESSAGES.waitingForReady };
};

/**
 * Rule 8b too: it has come back on the very node that it was to leave, which was draining and is not any more (uncordoned in
 * mid-drain). It has not left, and that drainer may be about to switch the machine off. Where the node was at no time draining
 * while the pod was marked, as far as is known, the drain that asks is one of another node, which the pod has left: to refuse
 * would have it moved again and again (8c).
 */
export const cameBackOnItsNode: Rule = (observation) => {
  const { pod } = observation;
  if (!asksForEarlier(observation) || pod === undefined) return undefined;
  const earlier = earlierInstance(observation);
  if (earlier === undefined || earlier.node !== pod.node || !wasDraining(earlier, observation)) return undefined;
  const message = `${MESSAGES.waiting} (it came back on node ${pod.node}, which it was to leave)`;
  return { kind: 'deny', rule: '8b', reason: 'SameNode', code: 429, message };
};

/** Rule 8c: it has moved. The entry is not consumed: every drainer gets the same answer until the entry is pruned. */
export const rescheduled: Rule = (observation) => {
  if (!asksForEarlier(observation)) return undefined;
  return { kind: 'deny', rule: '8c', reason: 'Rescheduled', code: 404, message: MESSAGES.rescheduled };
};

/**
 * Rule 8d: the cache has not seen this instance yet, so it cannot know whether an earlier one was marked and has moved
 * here. Marking now could move the pod twice: doubt waits (S6).
 */
export const cacheBehind: Rule = ({ request, cacheKnowsInstance }) => {
  if (request.uid !== undefined || cacheKnowsInstance) return undefined;
  const message = `${MESSAGES.waiting} (the hook's cache has not seen this pod yet)`;
  return { kind: 'deny', rule: '8d', reason: 'CacheBehind', code: 429, message };
};

/** An entry tells of the moment of the mark, the memory of the cache of all the time until that instance had gone. */
function wasDraining(earlier: Entry, { remembered }: Observation): boolean {
  return [earlier, remembered].some((known) => known?.uid === earlier.uid && known?.draining !== false);
}

/** A request that names its UID asks for the present instance, whatever came before it. */
function asksForEarlier(observation: Observation): boolean {
  return observation.request.uid === undefined && earlierInstance(observation) !== undefined;
}
