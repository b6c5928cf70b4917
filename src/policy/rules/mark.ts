import { type Mark, MESSAGES } from '../decision.ts';
import type { Node } from '../model.ts';
import { isDraining } from '../node-state.ts';
import { type Absent, isLive, type Look, onceLive, type Present, type Subject } from '../observation.ts';
import type { PolicySettings } from '../profile.ts';
import type { PodObservation, Rule } from './rule.ts';

/** The last rule: refuse, and mark exactly this instance. */
export const mark: Rule<PodObservation> = (seen, settings) => {
  const { pod, tracker, request } = seen;
  const isToRemember = tracker.kind === 'present' && tracker.value.reusesNames && !request.dryRun;
  // If the pod had to be read live, the cache may be behind with its tracker, too.
  if (isToRemember && isLive(pod) && !isLive(tracker)) return { kind: 'look', at: 'tracker', live: true };
  return markPod(seen, settings, 'Marked', []);
};

export const LOOK_AT_NODE: Look = { kind: 'look', at: 'node', live: false };

/** The node, or `gone` if the look found none. */
export function nodeOrGone(node: Absent | Present<Node>): Node | 'gone' {
  return node.kind === 'present' ? node.value : 'gone';
}

/**
 * A first mark may rest on the cache, because its writes are guarded by the observation (S4). Two marks must rest on
 * live reads: a mark without its entry, and an entry with a node that is not draining. The cordon may be milliseconds
 * old. The tracker is then read live as well, because the write to it must not be outdated. `restsOn`: what else the
 * calling rule needs to have read live.
 */
export function markPod(
  seen: PodObservation,
  settings: PolicySettings,
  reason: Mark['reason'],
  restsOn: readonly Subject[],
): Mark | Look {
  const { tracker } = seen;
  const entryOn = tracker.kind === 'present' && tracker.value.reusesNames ? tracker.value : undefined;
  const draining = entryOn === undefined ? true : drains(seen, settings);
  if (typeof draining !== 'boolean') return draining;
  return onceLive<Mark>(seen, [...evidenceForWrites(seen, draining), ...restsOn], {
    kind: 'mark',
    reason,
    message: MESSAGES.marked,
    pod: seen.pod.value,
    draining,
    ...(entryOn === undefined ? {} : { entryOn }),
    ...(tracker.kind === 'absent' && tracker.why !== undefined ? { trackerMissing: tracker.why } : {}),
  });
}

/** Empty for a dry run, which writes nothing. */
function evidenceForWrites(seen: PodObservation, draining: boolean): readonly Subject[] {
  if (seen.request.dryRun) return [];
  if (!draining) return ['pod', 'tracker', 'node'];
  return isTrackerMissing(seen) ? ['pod', 'tracker'] : [];
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
