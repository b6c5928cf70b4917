import { type Deny, MESSAGES } from '../decision.ts';
import { onceLive } from '../observation.ts';
import type { Rule } from './rule.ts';

const GONE: Deny = { kind: 'deny', reason: 'PodGone', code: 404, message: MESSAGES.gone };

/**
 * No such pod. 404 rather than allow: between this read and the API server's own, the operator may create a successor of
 * that name, and an allow would evict it (S1). A pod that the cache does not have is none that it protects, as far as the
 * cache knows: the metadata alone are read of it.
 */
export const podGone: Rule = (seen) => {
  const { metadata, pod } = seen;
  if (metadata.kind === 'present') return undefined;
  if (metadata.kind === 'unread' && pod.kind === 'unread') return { kind: 'look', at: 'pod', live: false };
  return onceLive(seen, ['metadata'], GONE);
};
