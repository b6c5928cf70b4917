import type { Pod, Tracker } from './model.ts';
import type { PolicySettings } from './profile.ts';

/** Over for longer than this, a terminating or finished pod is taken for a corpse that nobody is replacing. */
export const CORPSE_AFTER_MS = 5 * 60_000;

/** Terminating, or finished (Succeeded or Failed). */
export function isTerminatingOrFinished(pod: Pod): boolean {
  return pod.deletionDeadline !== undefined || pod.finishedAt !== undefined;
}

/** Whether a replacement has arrived, in the sense of REPLACEMENT_CONDITION. Its node is not looked at. */
export function meetsReplacementCondition(pod: Pod, settings: PolicySettings): boolean {
  return pod.node !== undefined && (settings.replacementCondition === 'scheduled' || pod.ready);
}

/** What keeps the operator from moving a pod, for people; undefined where its tracker reports nothing. */
export function describeHindrance(tracker: Tracker | undefined): string | undefined {
  if (tracker?.hindrance === undefined) return undefined;
  return `${tracker.resource.kind} ${tracker.name} reports ${tracker.hindrance}`;
}
