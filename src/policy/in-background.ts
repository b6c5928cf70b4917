import type { Answer, Reason } from './decision.ts';
import type { Pod } from './model.ts';
import type { PolicyWord } from './policy-annotation.ts';

/** On a pod, with any value: the descheduler is to take its eviction for a request that is carried out later. */
export const REQUEST_EVICT_ONLY = 'descheduler.alpha.kubernetes.io/request-evict-only';

/**
 * What the descheduler looks for in a 429. With it the pod counts as leaving, and is not asked for again for a while. Without
 * it the eviction has failed.
 */
const UNDER_WAY = 'Eviction triggered evacuation';

/** Somebody has asked the operator to move exactly this pod. Whatever else is refused waits for its turn, or for people. */
const ASKED: readonly Reason[] = ['Marked', 'MarkedAgain', 'Remembered', 'Waiting', 'Stalled'];

/**
 * Adds the descheduler's words to an answer about a pod that asks for them, once its move was asked for. `word`: what people say
 * of the pod. A pod that its operator has let go waits for them alone if they say `hold`.
 */
export function withItsWords<A extends Answer>(answer: A, pod: Pod | undefined, word: PolicyWord | undefined): A {
  if (answer.kind === 'allow' || !pod?.isEvictedInBackground || !ASKED.includes(answer.reason)) return answer;
  if (pod.isReported && word === 'hold') return answer;
  return { ...answer, message: `${answer.message}. ${UNDER_WAY}` };
}

/** The answer without these words: the mark that it tells of is gone again. */
export const withoutItsWords = <A extends Answer>(answer: A): A =>
  answer.kind === 'allow' ? answer : { ...answer, message: answer.message.replace(`. ${UNDER_WAY}`, '') };
