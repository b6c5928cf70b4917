import type { Node } from './model.ts';

/** Why a drain of the node is under way: `cordoned`, `deleting` or the key of a taint; undefined where none is. */
export function drainCause(node: Node, drainTaints: readonly string[]): string | undefined {
  if (node.unschedulable) return 'cordoned';
  if (node.deleting) return 'deleting';
  // A listed taint that ends in / is a prefix.
  return node.taints.find((taint) =>
    drainTaints.some((listed) => (listed.endsWith('/') ? taint.startsWith(listed) : taint === listed)),
  );
}

/**
 * Whether a drain of the node is under way. A node that is gone counts as draining too: what ran there has to run
 * elsewhere. That the node is gone must be known; one that nobody has looked at is neither.
 */
export function isDraining(node: Node | 'gone', drainTaints: readonly string[]): boolean {
  return node === 'gone' || drainCause(node, drainTaints) !== undefined;
}
