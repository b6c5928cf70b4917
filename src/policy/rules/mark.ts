import { type Mark, MESSAGES } from '../decision.ts';
import type { Node, Tracker } from '../model.ts';
import { isDraining } from '../node-state.ts';
import { type Absent, type Look, type Observation, onceLive, type Present, type Subject } from '../observation.ts';
import type { PolicySettings } from '../profile.ts';
import type { PodObservation, Rule } from './rule.ts';

/** The last rule: refuse, and mark exactly this instance. */
export const mark: Rule<PodObservation> = (seen, settings) => markPod(seen, settings, 'Marked', []);

export const LOOK_AT_NODE: Look = { kind: 'look', at: 'node', live: false };

/** The node, or `gone` if the look found none. */
export function nodeOrGone(node: Absent | Present<Node>): Node | 'gone' {
  return node.kind === 'present' ? node.value : 'gone';
}

/**
 * A first mark may rest on the cache, because its writes are guarded by the observation (S4). Two marks must rest on
 * live reads: a mark without its entry, and an entry with a node that is not draining. The cordon may be milliseconds
 * old. `restsOn`: what else the calling rule needs to have read live.
 */
export function markPod(
  seen: PodObservation,
  settings: PolicySettings,
  reason: Mark['reason'],
  restsOn: readonly Subject[],
): Mark | Look {
  const { tracker } = seen;
  const draining = drains(seen, settings);
  if (typeof draining !== 'boolean') return draining;
  const entryOn = tracker.kind === 'present' && tracker.value.reusesNames ? tracker.value : undefined;
  const isTrackerMissing = tracker.kind === 'absent' && tracker.why !== undefined;
  const isUndrained = entryOn !== undefined && !draining;
  const more: readonly Subject[] = isUndrained ? ['tracker', 'node'] : isTrackerMissing ? ['tracker'] : [];
  const evidence: readonly Subject[] = more.length === 0 ? restsOn : ['pod', ...more, ...restsOn];
  return onceLive<Mark>(seen, evidence, {
    kind: 'mark',
    reason,
    message: MESSAGES.marked,
    pod: seen.pod.value,
    draining,
    ...whereToRemember(tracker, entryOn),
  });
}

function whereToRemember(tracker: PodObservation['tracker'], entryOn: Tracker | undefined) {
  if (entryOn !== undefined) return { entryOn };
  return tracker.kind === 'absent' && tracker.why !== undefined ? { trackerMissing: tracker.why } : {};
}

/**
 * Whether the pod's node is draining. A pod without a node counts as on a draining one, because it may be bound to any.
 */
function drains({ pod, node }: PodObservation & Pick<Observation, 'node'>, settings: PolicySettings): boolean | Look {
  if (pod.value.node === undefined) return true;
  return node.kind === 'unread' ? LOOK_AT_NODE : isDraining(nodeOrGone(node), settings.drainTaints);
}
