import { allow } from '../decision.ts';
import { onceLive, seenValue } from '../observation.ts';
import { isJobOwned } from '../profile.ts';
import type { Rule } from './rule.ts';

/** The hook does not protect the pod. Backup and restore Jobs carry the members' labels, and no operator moves them. */
export const notProtected: Rule = (seen) => {
  const metadata = seenValue(seen.metadata);
  if (metadata === undefined) return undefined;
  if (seen.profile === undefined) return onceLive(seen, ['metadata'], allow('NotSelected'));
  return isJobOwned(metadata) ? onceLive(seen, ['metadata'], allow('JobPod')) : undefined;
};
