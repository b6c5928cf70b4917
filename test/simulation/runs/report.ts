import type { InvariantId } from '../checks/ledger.ts';
import { MAX_STEPS, type RunResult } from './run.ts';
import { describeVariant } from './variant.ts';

/** The invariants, by their letters in docs/simulation.md. */
export const INVARIANTS: Readonly<Record<InvariantId, string>> = {
  a: 'no selected, live pod is evicted by the eviction API',
  b: 'no drainer is let go while the pod that it asks for is live on a draining node',
  c: 'no pod is marked unless it was asked for, and one drain moves a pod once',
  d: 'every drain ends, and none is made to give up',
  e: 'what is remembered is pruned in the end, and not before its time',
  f: 'a dry run changes nothing',
  g: 'nothing is written to an instance other than the one decided on',
  h: 'what is reported of time is true by the clock of the API server',
  i: 'every eviction is answered in time, also while calls hang',
  j: 'a pod that comes back to its draining node is moved once more, and then no more',
  k: 'an eviction of a pod that nobody protects waits for nothing but the read of that pod',
  l: 'what another installation keeps is left to it for as long as it is registered',
  m: 'a pod whose mark is taken away each time is reported as stalled',
  n: 'no more pods of a group are under way at once than its profile allows',
  o: 'a mark is taken back only by the rules, and does not count as taken away',
  p: 'a pod gets the mark of the first profile that selects it, and no other',
  q: 'a mark that is matched by presence is never overwritten',
};

const SHOWN_AT_THE_END = 30;

/** Describes a violation for people: what it is, how to replay it, and what happened. */
export function describeFailure(result: RunResult): string {
  const { seed, variant, violation, notes, maxSteps = MAX_STEPS } = result;
  const steps = maxSteps === MAX_STEPS ? '' : ` --steps ${maxSteps}`;
  if (violation === undefined) return `seed ${seed}: nothing was violated`;
  const mended = notes.indexOf('> nothing fails any more');
  const upTo = mended === -1 ? notes.length : mended + 1;
  const end = notes.slice(Math.max(upTo, notes.length - SHOWN_AT_THE_END));
  return [
    `VIOLATED (${violation.invariant}) ${INVARIANTS[violation.invariant]}`,
    violation.what,
    `seed ${seed}: npm run simulate -- --runs 1 --seed ${seed}${steps}`,
    describeVariant(variant),
    `the shortest way that was found, ${result.script.length} steps:`,
    ...notes.slice(0, upTo).map(indented),
    ...(end.length < notes.length - upTo ? ['    ...'] : []),
    ...end.map(indented),
  ].join('\n');
}

const indented = (note: string) => (note.startsWith('>') ? `  ${note.slice(2)}` : `      ${note}`);
