import { type Mark, MESSAGES } from '../decision.ts';
import type { Node } from '../model.ts';
import { isDraining } from '../node-state.ts';
import { type Absent, isLive, type Look, onceLive, type Present, type Subject } from '../observation.ts';
import type { PolicySettings } from '../profile.ts';
import type { PodObservation, Rule } from './rule.ts';

/** The rule that is left: refuse, and ask the operator to move this very instance. */
export const mark: Rule<PodObservation> = (seen, settings) => {
  const { pod, tracker, request } = seen;
  const isToRemember = tracker.kind === 'present' && tracker.value.reusesNames && !request.dryRun;
  // Where the pod had to be read live, the cache may be behind with its tracker, too.
  if (isToRemember && isLive(pod) && !isLive(tracker)) return { kind: 'look', at: 'tracker', live: true };
  return markPod(seen, settings, 'Marked', []);
};

export const LOOK_AT_NODE: Look = { kind: 'look', at: 'node', live: false };

/** A node that was looked for and is not there. */
export function nodeOrGone(node: Absent | Present<Node>): Node | 'gone' {
  return node.kind === 'present' ? node.value : 'gone';
}

/**
 * A first mark may rest on the cache, because its writes are guarded by what was seen (S4). Two things may not: a mark
 * without the entry that belongs to it, and an entry which says that nobody drains the node, because the cordon may be
 * milliseconds old. Then the tracker is read live as well: what is to be written into it must not be out of date.
 * `restsOn`: what the rule that marks wants to have read live besides.
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

/** Nothing for a dry run: it writes nothing. */
function evidenceForWrites(seen: PodObservation, draining: boolean): readonly Subject[] {
  if (seen.request.dryRun) return [];
  if (!draining) return ['pod', 'tracker', 'node'];
  return isTrackerMissing(seen) ? ['pod', 'tracker'] : [];
}

/** Whether the pod should have a tracker and has none, as far as was looked. */
export function isTrackerMissing({ tracker }: PodObservation): boolean {
  return tracker.kind === 'absent' && tracker.why !== undefined;
}

/** Whether the pod's node is draining, which its entry will say; one without a node may be bound to any. */
function drains({ pod, node }: PodObservation, settings: PolicySettings): boolean | Look {
  if (pod.value.node === undefined) return true;
  return node.kind === 'unread' ? LOOK_AT_NODE : isDraining(nodeOrGone(node), settings.drainTaints);
}
