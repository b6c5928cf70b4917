import type { LogLine } from './log-lines.ts';
import type { Instance } from './pod-watch.ts';

/** What a rehearsed drain left behind, as plain data. */
export interface Outcome {
  readonly kubectlCode: number;
  readonly node: string;
  /** UIDs of the protected pods that were on the node when the drain began. */
  readonly drained: ReadonlySet<string>;
  /** Every protected instance that was ever seen. */
  readonly instances: readonly Instance[];
  /** UIDs that the operator deleted itself. */
  readonly deletedByOperator: ReadonlySet<string>;
  /** UIDs that the operator had deleted before the drain began. */
  readonly deletedBefore: ReadonlySet<string>;
  readonly annotation: { readonly key: string; readonly value: string };
}

/** How often each pod name was moved by its operator during the drain. */
export function movesByPod({ instances, deletedByOperator, deletedBefore }: Outcome): ReadonlyMap<string, number> {
  const moves = new Map<string, number>();
  for (const { uid, name } of instances) {
    if (deletedByOperator.has(uid) && !deletedBefore.has(uid)) moves.set(name, (moves.get(name) ?? 0) + 1);
  }
  return moves;
}

/** Everything that makes the rehearsal a failure, one sentence each; empty if the drain was safe. */
export function problemsOf(outcome: Outcome): string[] {
  const { kubectlCode } = outcome;
  return [
    ...(kubectlCode === 0 ? [] : [`kubectl drain ended with code ${kubectlCode}`]),
    ...(outcome.drained.size === 0 ? ['no protected pod was on the node, so nothing was rehearsed'] : []),
    ...outcome.instances.flatMap((instance) => problemsWith(instance, outcome)),
  ];
}

/** An instance that is gone without its operator having deleted it was evicted: nobody else deletes protected pods here. */
function problemsWith(instance: Instance, outcome: Outcome): string[] {
  const { uid, name, isGone } = instance;
  const what = `${name} (${uid.slice(0, 8)})`;
  const wasOnNode = outcome.drained.has(uid);
  if (isGone && !outcome.deletedByOperator.has(uid)) return [`${what} was evicted, not moved by its operator`];
  if (isGone) {
    const isExtraMove = !wasOnNode && !outcome.deletedBefore.has(uid);
    return isExtraMove ? [`${what} was moved although it was not on ${outcome.node} when the drain began`] : [];
  }
  if (instance.node === outcome.node) return [`${what} is still on ${outcome.node}`];
  const isMarked = instance.annotations[outcome.annotation.key] === outcome.annotation.value;
  return isMarked ? [`${what} is marked to be moved once more`] : [];
}

/** How many evictions in a namespace were refused with 429, by the hook's own log. */
export function refusalsIn(lines: readonly LogLine[], namespace: string): number {
  return lines.filter(
    (line) =>
      line.namespace === namespace && (line.decision === 'mark' || (line.decision === 'deny' && line.code === 429)),
  ).length;
}
