import { allow } from '../decision.ts';
import type { Rule } from './rule.ts';

/** The request is no CREATE of pods/eviction, or comes from an exempt user. Needs no look at the cluster. */
export const notAnEviction: Rule = ({ request }, settings) => {
  if (!request.isEviction) return allow('NotAnEviction');
  return settings.exemptUsers.includes(request.username) ? allow('ExemptUser') : undefined;
};
