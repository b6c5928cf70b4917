import type { Pod, Tracker } from './model.ts';
import type { PolicySettings } from './profile.ts';

/** A pod that is finished or past its grace period for longer than this counts as a corpse, which nobody replaces. */
export const CORPSE_AFTER_MS = 5 * 60_000;

/** Terminating, or finished (Succeeded or Failed). */
export function isTerminatingOrFinished(pod: Pod): boolean {
  return pod.deletionDeadline !== undefined || pod.finishedAt !== undefined;
}

/** Whether a replacement meets REPLACEMENT_CONDITION. Ignores its node. An entry treats `left` as `scheduled`. */
export function meetsReplacementCondition(pod: Pod, settings: PolicySettings): boolean {
  return pod.node !== undefined && (settings.replacementCondition !== 'ready' || pod.ready);
}

/** Describes the hindrance in words; undefined if the tracker reports none. */
export function describeHindrance(tracker: Tracker | undefined): string | undefined {
  if (tracker?.hindrance === undefined) return undefined;
  return `${tracker.resource.kind} ${tracker.name} reports ${tracker.hindrance}`;
}
