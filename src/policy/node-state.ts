import type { Node } from './model.ts';

/** Why the node is draining: `cordoned`, `deleting` or the key of a taint; undefined if it is not. */
export function drainCause(node: Node, drainTaints: readonly string[]): string | undefined {
  if (node.unschedulable) return 'cordoned';
  if (node.deleting) return 'deleting';
  // A listed taint that ends in / is a prefix.
  return node.taints.find((taint) =>
    drainTaints.some((listed) => (listed.endsWith('/') ? taint.startsWith(listed) : taint === listed)),
  );
}

/**
 * Whether the node is draining. A node that is gone counts as draining too, because its pods must run elsewhere. Pass
 * `gone` only if a look found no node, not if nobody looked.
 */
export function isDraining(node: Node | 'gone', drainTaints: readonly string[]): boolean {
  return node === 'gone' || drainCause(node, drainTaints) !== undefined;
}
