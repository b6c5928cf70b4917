import type { Node, Pod, PolicySettings, Tracker } from './model.ts';
import { matches } from './selector.ts';

/** Over for longer than this, a terminating or finished pod is taken for a corpse that nobody is replacing. */
export const CORPSE_AFTER_MS = 5 * 60_000;

/**
 * Whether a drain of the node is under way. `undefined` stands for a node that does not exist (any more): what ran there
 * has to run elsewhere, so it counts as draining. A listed taint that ends in `/` is a prefix.
 */
export function isDraining(node: Node | undefined, drainTaints: readonly string[]): boolean {
  return drainCause(node, drainTaints) !== undefined;
}

/** Why the node counts as draining: `gone`, `cordoned`, `deleting` or the key of the taint; undefined where it does not. */
export function drainCause(node: Node | undefined, drainTaints: readonly string[]): string | undefined {
  if (node === undefined) return 'gone';
  if (node.unschedulable) return 'cordoned';
  if (node.deleting) return 'deleting';
  return node.taints.find((taint) =>
    drainTaints.some((listed) => (listed.endsWith('/') ? taint.startsWith(listed) : taint === listed)),
  );
}

/** Whether the pod is one that the hook protects: its labels match, and it is not a Job's (backups carry the labels too). */
export function isProtected(pod: Pod, settings: PolicySettings): boolean {
  return matches(settings.selector, pod.labels) && !isJobOwned(pod);
}

export function isJobOwned(pod: Pod): boolean {
  return pod.owner?.kind === 'Job' && pod.owner.apiVersion.startsWith('batch/');
}

/** Terminating, or finished (Succeeded or Failed). */
export function isTerminatingOrFinished(pod: Pod): boolean {
  return pod.deletionDeadline !== undefined || pod.finishedAt !== undefined;
}

export function isMarked(pod: Pod, settings: PolicySettings): boolean {
  return pod.mark?.value === settings.annotationValue;
}

/** Whether a replacement has arrived, in the sense of REPLACEMENT_CONDITION. Its node is not looked at. */
export function meetsReplacementCondition(pod: Pod, settings: PolicySettings): boolean {
  return pod.node !== undefined && (settings.replacementCondition === 'scheduled' || pod.ready);
}

/** What keeps the operator from moving a pod, for people; undefined where its tracking resource tells of nothing. */
export function describeHindrance(tracker: Tracker | undefined): string | undefined {
  return tracker?.hindrance === undefined ? undefined : `${tracker.kind} ${tracker.name} reports ${tracker.hindrance}`;
}
