import { allow } from '../decision.ts';
import { onceLive, seenValue } from '../observation.ts';
import { isJobOwned } from '../profile.ts';
import type { Rule } from './rule.ts';

/** Not a pod that the hook protects. Backup and restore Jobs carry the members' labels and are never moved. */
export const notProtected: Rule = (seen) => {
  const metadata = seenValue(seen.metadata);
  if (metadata === undefined) return undefined;
  if (seen.profile === undefined) return onceLive(seen, ['metadata'], allow('NotSelected'));
  return isJobOwned(metadata) ? onceLive(seen, ['metadata'], allow('JobPod')) : undefined;
};
