import { type Deny, MESSAGES } from '../decision.ts';
import { onceLive } from '../observation.ts';
import type { Rule } from './rule.ts';

const GONE: Deny = { kind: 'deny', reason: 'PodGone', code: 404, message: MESSAGES.gone };

/**
 * The pod does not exist. The response is 404 and not an allow: the operator may create a successor of that name before
 * the API server's own read. An allow would evict that successor (S1). A pod that the cache lacks is not protected, as
 * far as the cache knows, so the hook reads only its metadata.
 */
export const podGone: Rule = (seen) => {
  const { metadata, pod } = seen;
  if (metadata.kind === 'present') return undefined;
  if (metadata.kind === 'unread' && pod.kind === 'unread') return { kind: 'look', at: 'pod', live: false };
  return onceLive(seen, ['metadata'], GONE);
};
