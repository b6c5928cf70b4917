import type { Limit } from '../../rehearsal/drainers/model.ts';
import { DRAINERS } from '../../rehearsal/drainers/models/index.ts';
import type { AtLimit, Outcome } from './results.ts';
import { KUBECTL_LIMIT_S } from './subject.ts';

/** What is wrong with a drain: empty if each pod was moved once and by its operator, or it is known why not. */
export function wrongIn(outcome: Outcome): readonly string[] {
  const { problems, pods, end } = outcome;
  if (problems.length > 0) return problems;
  if (pods === 'deleted') return ['a pod was deleted'];
  if (end === 'waits' && pods === 'moved') return ['it waits for ever, though the pods have moved'];
  if (isAsWanted(outcome) || isKnown(outcome)) return [];
  return [`it ${VERBS[end]}, and the pods ${pods === 'stay' ? 'stay' : 'have moved'}`];
}

const VERBS = { ended: 'ends', failed: 'fails', waits: 'waits for ever' };

const isAsWanted = ({ end, pods }: Outcome) => end === 'ended' && pods === 'moved';

/** Nobody asks for the pods, or the operator is told neither by a mark nor by the taint of that drainer. */
const isKnown = ({ drainer, profile }: Outcome) =>
  /^cluster-api-(skip|wait)$/.test(drainer) || profile === 'foundationdb-taints';

/** A clock of the drainer that begins a little late. */
const EARLY = 0.9;
/** What a fast clock makes of a busy machine. */
const LATE = 1.25;

const WANTED = {
  deletes: { pods: 'deleted', end: 'ended' },
  fails: { pods: 'stay', end: 'failed' },
  waits: { pods: 'stay', end: 'waits' },
} as const;

const limitOf = (drainer: string): Pick<Limit, 'atEnd' | 'afterMs'> =>
  DRAINERS.find(({ name }) => name === drainer)?.limit ?? { atEnd: 'fails', afterMs: KUBECTL_LIMIT_S * 1000 };

/** A time that is not to be shown to people, because the machine was too busy for that clock. */
export const isLate = ({ drainer, afterS }: AtLimit): boolean => afterS * 1000 > LATE * limitOf(drainer).afterMs;

/** What is not as the model of the drainer says of its limit, or as `--timeout` of kubectl says. */
export function wrongAtLimit({ drainer, pods, end, nodeIsBack, afterS }: AtLimit): readonly string[] {
  const model = DRAINERS.find(({ name }) => name === drainer);
  const { atEnd, afterMs } = limitOf(drainer);
  const wanted = WANTED[atEnd];
  return [
    ...(pods === wanted.pods ? [] : [`the pods: ${pods}, not ${wanted.pods}`]),
    ...(end === wanted.end ? [] : [`it ${end}, and should have ${wanted.end}`]),
    ...(nodeIsBack === (model?.rollsBack === true) ? [] : ['its marks on the node are not as its model says']),
    ...(afterS * 1000 >= EARLY * afterMs
      ? []
      : [`it was over after ${afterS} s, and its limit is ${afterMs / 1000} s`]),
  ];
}
