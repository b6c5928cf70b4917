import type { Node } from './model.ts';

/** What shows that a node is draining. */
type DrainSigns = Pick<Node, 'unschedulable' | 'taints' | 'drainConditions' | 'deleting'>;

const CORDON_TAINT = 'node.kubernetes.io/unschedulable';

/** A taint as kubectl writes it: `key:Effect`, or `key=value:Effect`. */
export interface Taint {
  readonly key?: string;
  readonly value?: string;
  readonly effect?: string;
}

export function taintText({ key = '', value = '', effect = '' }: Taint): string {
  return `${key}${value === '' ? '' : `=${value}`}${effect === '' ? '' : `:${effect}`}`;
}

/** Why the node is draining: `cordoned`, `deleting`, the key of a taint or the type of a condition; undefined if it is not. */
export function drainCause(node: DrainSigns, drainTaints: readonly string[]): string | undefined {
  if (node.unschedulable) return 'cordoned';
  if (node.deleting) return 'deleting';
  const taint = node.taints.find((one) => isDrainTaint(one, drainTaints));
  if (taint !== undefined) return keyOf(taint);
  const [condition] = Object.keys(node.drainConditions ?? {});
  return condition;
}

const keyOf = (taint: string) => taint.split(/[=:]/, 1)[0] ?? '';
const isCordonTaint = (taint: string) => keyOf(taint) === CORDON_TAINT;

function isDrainTaint(taint: string, drainTaints: readonly string[]): boolean {
  return drainTaints.some((listed) => means(listed, taint));
}

/** Whether a listed taint means this one. Value and effect may be anything if the list leaves them out. */
function means(listed: string, taint: string): boolean {
  // A prefix.
  if (listed.endsWith('/')) return taint.startsWith(listed);
  // `key=:Effect` asks for an empty value.
  if (listed.includes('=')) return taint === listed.replace('=:', ':');
  const [key = '', effect] = listed.split(':');
  if (!taint.startsWith(key) || !['', '=', ':'].includes(taint.charAt(key.length))) return false;
  return effect === undefined || taint.endsWith(`:${effect}`);
}

/** Kubernetes adds a taint for a cordon within moments, with its time. Until then the cordon is new. */
export function isJustCordoned({ unschedulable, taints }: Node): boolean {
  return unschedulable && !taints.some(isCordonTaint);
}

/** Whether people say that the node is to be drained. A controller may let any other sign come and go. */
export function isCordon({ unschedulable, taints }: DrainSigns): boolean {
  // Kubernetes takes the taint away a moment after the uncordon.
  return unschedulable || taints.some(isCordonTaint);
}

/** Since when the node is draining, for people. Undefined if it is not draining, or if nothing says since when. */
export function drainingSince(node: Node, drainTaints: readonly string[]): number | undefined {
  return (
    drainBeganAt(node, drainTaints) ?? earliest(Object.values(node.drainConditions ?? {}).flatMap((at) => at ?? []))
  );
}

/**
 * When the drain of the node began that goes on now. A cordon has the time of the taint that Kubernetes adds for it. It counts
 * before any other sign, because one that stays for days would hide that the node was uncordoned and cordoned again. Else the
 * earliest drain taint counts. Conditions say nothing of it, because controllers let them come and go in the middle of a drain.
 */
export function drainBeganAt(node: Node, drainTaints: readonly string[]): number | undefined {
  const timesOf = (isMeant: (taint: string) => boolean) =>
    earliest(Object.entries(node.taintedAt).flatMap(([taint, at]) => (isMeant(taint) ? [at] : [])));
  const cordonedAt = node.unschedulable ? timesOf(isCordonTaint) : undefined;
  if (cordonedAt !== undefined || isJustCordoned(node)) return cordonedAt;
  return timesOf((taint) => isDrainTaint(taint, drainTaints));
}

const earliest = (times: readonly number[]) => (times.length === 0 ? undefined : Math.min(...times));

/** What to ask whoever wonders why a pod comes back to its draining node. */
export function questionOfReturn(node: DrainSigns, drainTaints: readonly string[]): string {
  const cause = drainCause(node, drainTaints) ?? 'cordoned';
  if (node.unschedulable || node.deleting) return 'does it tolerate the cordon?';
  if (cause in (node.drainConditions ?? {}))
    return `the condition ${cause} keeps no pod away: is the node to be cordoned, too?`;
  return `does it tolerate the taint ${cause}?`;
}

/**
 * Whether the node is draining. A node that is gone counts as draining too, because its pods must run elsewhere. Pass
 * `gone` only if a look found no node, not if nobody looked.
 */
export function isDraining(node: DrainSigns | 'gone', drainTaints: readonly string[]): boolean {
  return node === 'gone' || drainCause(node, drainTaints) !== undefined;
}
