import type { Cache } from '../../../src/cache/cache.ts';
import type { Reads } from '../../../src/kube/reads.ts';
import type { Writes } from '../../../src/kube/writes.ts';
import type { Decision } from '../../../src/policy/decision.ts';
import type { EvictionRequest } from '../../../src/policy/model.ts';
import { type Observation, seenValue } from '../../../src/policy/observation.ts';
import type { PolicySettings } from '../../../src/policy/profile.ts';
import type { Tracking } from '../../../src/policy/tracking/index.ts';

/** A fault, planted at the ports of the product. What is absent is left as it is. */
export interface Mutation {
  readonly request?: (request: EvictionRequest) => EvictionRequest;
  /** What the policy gets to see. */
  readonly observation?: (observation: Observation) => Observation;
  /** What the drainer is answered. */
  readonly decision?: (decision: Decision, request: EvictionRequest) => Decision;
  readonly reads?: (reads: Reads) => Reads;
  readonly writes?: (writes: Writes) => Writes;
  readonly settings?: (settings: PolicySettings) => PolicySettings;
  readonly tracking?: (tracking: Tracking) => Tracking;
  readonly forgetsDeparted?: boolean;
  /** Keeps in the cache what a later list does not name. */
  readonly keepsUnlisted?: boolean;
  /** Writes the mark before the entry. */
  readonly marksFirst?: boolean;
  /** What the controller sees of the cache. */
  readonly reconcilerCache?: (cache: Cache) => Cache;
  /** Is not told of the end of an instance where a list has the next one of that name. */
  readonly missesReplaced?: boolean;
  /** Counts for how long a pod has been over from when it was first known to end. */
  readonly keepsCorpseClock?: boolean;
  /** Reconciles nothing. */
  readonly neverReconciles?: boolean;
  /** Reads the value of an entry for the answer, and removes it. */
  readonly consumesEntries?: boolean;
}

/** What the policy gets to see where a process has this fault. */
export function observationOf(
  { observation = (seen) => seen, keepsCorpseClock }: Mutation,
  { pods, monotonicNow }: { pods: Cache['pods']; monotonicNow: () => number },
): (seen: Observation) => Observation {
  if (!keepsCorpseClock) return observation;
  const since = new Map<string, number>();
  pods.subscribe((change) => {
    if (change.kind === 'removed' || since.has(change.now.uid)) return;
    if (change.now.deletionDeadline !== undefined) since.set(change.now.uid, monotonicNow());
  });
  return (seen) => {
    const at = since.get(seenValue(seen.pod)?.uid ?? '');
    return observation(at === undefined ? seen : { ...seen, terminatingOrFinishedForMs: monotonicNow() - at });
  };
}
