import type { LogLine } from './log-lines.ts';
import type { Instance } from './pod-watch.ts';
import type { Check } from './record.ts';

/** What a rehearsed drain left behind, as plain data. */
export interface Outcome {
  /** Of the drainer, whichever it was. */
  readonly drainCode: number;
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

/** What must hold after a drain, in the words of somebody who owns the database. */
export function checksOf(outcome: Outcome): Check[] {
  const { drainCode, drained, instances, deletedByOperator, deletedBefore, node } = outcome;
  const gone = instances.filter(({ isGone }) => isGone);
  const here = instances.filter(({ isGone }) => !isGone);
  const evicted = gone.filter(({ uid }) => !deletedByOperator.has(uid));
  const movedInVain = gone.filter(
    ({ uid }) => deletedByOperator.has(uid) && !drained.has(uid) && !deletedBefore.has(uid),
  );
  const marked = here.filter((one) => one.node !== node && isMarked(one, outcome));
  return [
    check('protected pods were on the drained node', [
      ...(drained.size === 0 ? ['no protected pod was on the node, so nothing was rehearsed'] : []),
    ]),
    check('the drain ended by itself, without an error', [
      ...(drainCode === 0 ? [] : [`the drain ended with exit code ${drainCode}`]),
    ]),
    // Nobody but the operator deletes protected pods here.
    check(
      'no protected pod was evicted: each that left was deleted by its operator',
      evicted.map((one) => `${titleOf(one)} was evicted, not moved by its operator`),
    ),
    check(
      `no protected pod is left on ${node}`,
      here.filter((one) => one.node === node).map((one) => `${titleOf(one)} is still on ${node}`),
    ),
    check(
      'no pod was moved more often than it had to be',
      movedInVain.map((one) => `${titleOf(one)} was moved although it was not on ${node} when the drain began`),
    ),
    check(
      'no pod is left marked',
      marked.map((one) => `${titleOf(one)} is marked to be moved once more`),
    ),
  ];
}

/** Everything that makes the rehearsal a failure, one sentence each; empty if the drain was safe. */
export function problemsOf(outcome: Outcome): string[] {
  return checksOf(outcome).flatMap(({ problems }) => problems);
}

const check = (what: string, problems: readonly string[]): Check => ({ what, holds: problems.length === 0, problems });

const titleOf = ({ name, uid }: Instance) => `${name} (${uid.slice(0, 8)})`;

const isMarked = ({ annotations }: Instance, { annotation }: Outcome) =>
  annotations[annotation.key] === annotation.value;

/** How many evictions in a namespace were refused with 429, by the hook's own log. */
export function refusalsIn(lines: readonly LogLine[], namespace: string): number {
  return lines.filter(
    (line) =>
      line.namespace === namespace && (line.decision === 'mark' || (line.decision === 'deny' && line.code === 429)),
  ).length;
}
