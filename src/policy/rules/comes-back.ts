import { type Deny, MESSAGES, wait } from '../decision.ts';
import { LOOK_AT_NODE, seenValue } from '../observation.ts';
import type { PolicySettings } from '../profile.ts';
import { countReturns, REFUSED_FROM_RETURN } from '../returns.ts';
import type { PodObservation, Rule } from './rule.ts';

/**
 * Pods under new names, or without an entry, come back to the draining node that others like it had to leave. Such pods
 * tolerate the cordon.
 */
export const othersCameBack: Rule<PodObservation> = (seen, settings) => {
  const { node, boundAt } = seen.pod.value;
  if (node === undefined || boundAt === undefined || hasEntryByName(seen)) return undefined;
  if (seen.node.kind === 'unread') return LOOK_AT_NODE;
  const returns = returnsOf(seen, settings);
  return returns < REFUSED_FROM_RETURN ? undefined : comesBack(seen, returns);
};

/** How often in a row the pod came back to its draining node. The node must have been looked at. */
export function returnsOf(seen: PodObservation, settings: PolicySettings): number {
  const { pod, earlier, returnsToNode } = seen;
  const [node, tracker] = [seenValue(seen.node), seenValue(seen.tracker)];
  if (node === undefined) return 0;
  const evidence = {
    ...(earlier && { earlier }),
    ...(tracker && { tracker }),
    ...(returnsToNode !== undefined && { returnsToNode }),
  };
  return countReturns({ pod: pod.value, node, ...evidence }, settings.drainTaints);
}

/** Refuses without a mark: another move would bring the pod back again. */
export function comesBack({ pod }: PodObservation, returns: number): Deny {
  const why = `it came back ${returns} times to node ${pod.value.node} while that was draining, and is not marked again`;
  return wait('ComesBack', `${MESSAGES.waiting} (${why}: does it tolerate the cordon?)`);
}

const hasEntryByName = ({ tracker }: PodObservation) => seenValue(tracker)?.reusesNames === true;
