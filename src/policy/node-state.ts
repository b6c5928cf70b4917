import type { Node } from './model.ts';

/** What shows that a node is draining. */
type DrainSigns = Pick<Node, 'unschedulable' | 'taints' | 'deleting'>;

const CORDON_TAINT = 'node.kubernetes.io/unschedulable';

/** Why the node is draining: `cordoned`, `deleting` or the key of a taint; undefined if it is not. */
export function drainCause(node: DrainSigns, drainTaints: readonly string[]): string | undefined {
  if (node.unschedulable) return 'cordoned';
  if (node.deleting) return 'deleting';
  return node.taints.find((taint) => isDrainTaint(taint, drainTaints));
}

/** A listed taint that ends in / is a prefix. */
function isDrainTaint(taint: string, drainTaints: readonly string[]): boolean {
  return drainTaints.some((listed) => (listed.endsWith('/') ? taint.startsWith(listed) : taint === listed));
}

/**
 * Since when the node is draining, by the times of its taints. Undefined if it is not draining, or if nothing says since
 * when. A cordon has the time of the taint that Kubernetes adds for it.
 */
export function drainingSince(node: Node, drainTaints: readonly string[]): number | undefined {
  const keys = node.taints.filter((taint) => isDrainTaint(taint, drainTaints));
  const times = [...keys, ...(node.unschedulable ? [CORDON_TAINT] : [])].flatMap((key) => node.taintedAt[key] ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

/**
 * Whether the node is draining. A node that is gone counts as draining too, because its pods must run elsewhere. Pass
 * `gone` only if a look found no node, not if nobody looked.
 */
export function isDraining(node: DrainSigns | 'gone', drainTaints: readonly string[]): boolean {
  return node === 'gone' || drainCause(node, drainTaints) !== undefined;
}
