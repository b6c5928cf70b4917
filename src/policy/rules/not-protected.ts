import type { Rule } from '../decision.ts';
import { isJobOwned } from '../pod-state.ts';
import { matches } from '../selector.ts';

/** Rule 3: not a pod that the hook protects. Backup and restore Jobs carry the members' labels and are never moved. */
export const notProtected: Rule = ({ pod }, settings) => {
  if (pod === undefined) return undefined;
  if (!matches(settings.selector, pod.labels)) return { kind: 'allow', rule: '3', reason: 'NotSelected' };
  if (isJobOwned(pod)) return { kind: 'allow', rule: '3', reason: 'JobPod' };
  return undefined;
};
