import type { Variant } from '../runs/variant.ts';
import type { SimNode, SimPod } from './objects.ts';

const CORPSE_MS = 5 * 60_000;

/** Whether a node is draining; deliberately without the product's own code. */
export function isDraining(node: SimNode | undefined): boolean {
  return node === undefined || node.unschedulable || node.taints.length > 0;
}

/** Whether a pod is finished or past its grace period for so long that nobody can be replacing it. */
export function isCorpse(pod: SimPod, now: number): boolean {
  const { overAt = Number.POSITIVE_INFINITY, finishedAt = Number.POSITIVE_INFINITY } = pod;
  return now - Math.min(overAt, finishedAt) > CORPSE_MS;
}

/** Whether the replacement meets the condition of the variant. Only for a drain, `left` asks less than `scheduled`. */
export function meetsReplacementCondition(
  pod: { readonly node?: string | undefined; readonly ready: boolean },
  { condition }: Variant,
): boolean {
  return pod.node !== undefined && (condition !== 'ready' || pod.ready);
}

/** How an instance ended. */
export interface End {
  readonly at: number;
  readonly wasMarked: boolean;
  /** Whether somebody else than the hook had made that mark. */
  readonly wasMarkedByHand: boolean;
  readonly wasOnDrainingNode: boolean;
}
