import type { Variant } from '../runs/variant.ts';
import type { SimNode, SimPod } from './objects.ts';

const CORPSE_MS = 5 * 60_000;

/** The truth about a node; deliberately not the product's own code. */
export function isDraining(node: SimNode | undefined): boolean {
  return node === undefined || node.unschedulable || node.taints.length > 0;
}

/** Over for so long that nobody can be replacing it any more. */
export function isCorpse(pod: SimPod, now: number): boolean {
  const { overAt = Number.POSITIVE_INFINITY, finishedAt = Number.POSITIVE_INFINITY } = pod;
  return now - Math.min(overAt, finishedAt) > CORPSE_MS;
}

/** Whether it has arrived, in the sense of the variant's condition. */
export function meetsReplacementCondition(
  pod: { readonly node?: string | undefined; readonly ready: boolean },
  { condition }: Variant,
): boolean {
  return pod.node !== undefined && (condition === 'scheduled' || pod.ready);
}

/** How an instance ended. */
export interface End {
  readonly at: number;
  readonly wasMarked: boolean;
  readonly wasOnDrainingNode: boolean;
}
