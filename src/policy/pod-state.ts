import { formatAge } from './duration.ts';
import type { Pod, Tracker } from './model.ts';
import type { Reported } from './profiles/hindrance.ts';
import type { PolicySettings } from './profiles/profile.ts';

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

/** Since when, and why, the scheduler finds no node for the pod; undefined if it has not said so. */
export function describeUnschedulable({ unschedulable }: Pod, now: number): string | undefined {
  if (unschedulable === undefined) return undefined;
  const { since, message } = unschedulable;
  const age = since === undefined ? '' : `for ${formatAge(now - since)}; `;
  return `${age}the scheduler says: ${message === '' ? 'nothing' : message}`;
}

/** Describes the hindrance in words; undefined if nothing reports one. */
export function describeHindrance(tracker: Tracker | undefined, reported: Reported | undefined): string | undefined {
  const found = reported ?? reportedBy(tracker);
  return found && `${found.kind} ${found.name} reports ${found.word}`;
}

function reportedBy(tracker: Tracker | undefined): Reported | undefined {
  if (tracker?.hindrance === undefined) return undefined;
  return { kind: tracker.resource.kind, name: tracker.name, word: tracker.hindrance };
}
