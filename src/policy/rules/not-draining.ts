import { MESSAGES, wait } from '../decision.ts';
import { isDraining } from '../node-state.ts';
import { LOOK_AT_NODE, nodeOrGone, onceLive } from '../observation.ts';
import type { PodObservation, Rule } from './rule.ts';

/**
 * With MARK_WHEN=draining only a drain moves a pod: nobody drains this node. So a made-up request cannot move the pod, and
 * an evictor that never cordons cannot move it again and again. The cordon may be milliseconds old, so this needs a live
 * read of the node.
 */
export const notDraining: Rule<PodObservation> = (seen, settings) => {
  if (settings.markWhen !== 'draining') return undefined;
  const { node: name } = seen.pod.value;
  const setting = 'MARK_WHEN=draining';
  if (name === undefined) return wait('NotDraining', `${MESSAGES.waiting} (it has no node, and ${setting})`);
  if (seen.node.kind === 'unread') return LOOK_AT_NODE;
  if (isDraining(nodeOrGone(seen.node), settings.drainTaints)) return undefined;
  const why = `nobody drains node ${name}, and ${setting}`;
  return onceLive(seen, ['node'], wait('NotDraining', `${MESSAGES.waiting} (${why})`));
};
