import type { Rule } from '../decision.ts';

/** Rule 1: not a CREATE of pods/eviction, or asked by an exempt user. Needs no look at the cluster. */
export const notAnEviction: Rule = ({ request }, settings) => {
  if (!request.isEviction) return { kind: 'allow', rule: '1', reason: 'NotAnEviction' };
  if (settings.exemptUsers.includes(request.username)) return { kind: 'allow', rule: '1', reason: 'ExemptUser' };
  return undefined;
};
