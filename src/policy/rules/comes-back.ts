import { MESSAGES, wait } from '../decision.ts';
import { questionOfReturn } from '../node-state.ts';
import { LOOK_AT_NODE, seenValue } from '../observation.ts';
import type { PolicySettings } from '../profiles/profile.ts';
import { countReturns, REFUSED_FROM_RETURN } from '../returns.ts';
import type { PodObservation, Rule } from './rule.ts';

/**
 * The pod came back to its draining node again, or pods like it did. It tolerates the cordon, and another move would bring
 * it back. So the hook refuses without a mark, whether the request names the UID or not.
 */
export const cameBackTooOften: Rule<PodObservation> = (seen, settings) => {
  const { earlier, entry, pod } = seen;
  const { node, boundAt } = pod.value;
  // An own entry may have the count.
  const maySay = earlier !== undefined || boundAt !== undefined || entry?.returns !== undefined;
  if (node === undefined || !maySay) return undefined;
  if (seen.node.kind === 'unread') return LOOK_AT_NODE;
  const draining = seenValue(seen.node);
  const returns = returnsOf(seen, settings);
  if (draining === undefined || returns < REFUSED_FROM_RETURN) return undefined;
  const question = questionOfReturn(draining, settings.drainTaints);
  const why = `it came back ${returns} times to node ${node} while that was draining, and is not marked again`;
  return wait('ComesBack', `${MESSAGES.waiting} (${why}: ${question})`);
};

/** How often in a row the pod came back to its draining node. The node must have been looked at. */
export function returnsOf(seen: PodObservation, settings: PolicySettings): number {
  const [node, tracker] = [seenValue(seen.node), seenValue(seen.tracker)];
  if (node === undefined) return 0;
  const { tracker: _sighting, ...known } = seen;
  const evidence = { ...known, pod: seen.pod.value, node, ...(tracker && { tracker }) };
  return countReturns(evidence, settings.drainTaints);
}
