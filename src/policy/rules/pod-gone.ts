import { MESSAGES, type Rule } from '../decision.ts';

/**
 * Rule 2: no such pod. 404 rather than allow: between this read and the API server's own, the operator may create a
 * successor of that name, and an allow would evict it (S1).
 */
export const podGone: Rule = ({ pod }) => {
  if (pod !== undefined) return undefined;
  return { kind: 'deny', rule: '2', reason: 'PodGone', code: 404, message: MESSAGES.gone };
};
