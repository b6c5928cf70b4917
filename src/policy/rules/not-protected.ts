import { allow } from '../decision.ts';
import { onceLive, seenValue } from '../observation.ts';
import { immovable } from '../profiles/profile.ts';
import type { Rule } from './rule.ts';

/**
 * The hook does not protect the pod. Backup and restore Jobs carry the members' labels, and a wide selector matches pods of
 * DaemonSets and mirror pods: no operator moves any of these.
 */
export const notProtected: Rule = (seen) => {
  const metadata = seenValue(seen.metadata);
  if (metadata === undefined) return undefined;
  if (seen.profile === undefined) return onceLive(seen, ['metadata'], allow('NotSelected'));
  const reason = immovable(metadata);
  return reason && onceLive(seen, ['metadata'], allow(reason));
};
