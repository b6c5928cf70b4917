import type { Cache } from '../../../src/cache/cache.ts';
import type { Reads } from '../../../src/kube/reads.ts';
import type { Writes } from '../../../src/kube/writes.ts';
import type { Decision, Mark } from '../../../src/policy/decision.ts';
import type { EvictionRequest } from '../../../src/policy/model.ts';
import { type Observation, seenValue } from '../../../src/policy/observation.ts';
import type { PolicySettings } from '../../../src/policy/profiles/profile.ts';
import type { Tracking } from '../../../src/policy/tracking/index.ts';

/** A fault, planted at the interfaces of the product. An absent field changes nothing. */
export interface Mutation {
  readonly request?: (request: EvictionRequest) => EvictionRequest;
  /** Changes the observation that the policy gets. */
  readonly observation?: (observation: Observation) => Observation;
  /** Changes the decision that the drainer gets. */
  readonly decision?: (decision: Decision, request: EvictionRequest) => Decision;
  readonly reads?: (reads: Reads) => Reads;
  readonly writes?: (writes: Writes) => Writes;
  /** Changes the mark that is carried out. */
  readonly mark?: (mark: Mark) => Mark;
  readonly settings?: (settings: PolicySettings) => PolicySettings;
  readonly tracking?: (tracking: Tracking) => Tracking;
  readonly forgetsDeparted?: boolean;
  /** Keeps objects in the cache that a later list lacks. */
  readonly keepsUnlisted?: boolean;
  /** Writes the mark before the entry. */
  readonly marksFirst?: boolean;
  /** Changes the cache that the controller gets. */
  readonly reconcilerCache?: (cache: Cache) => Cache;
  /** Misses the end of an instance if a list has the next one of that name. */
  readonly missesReplaced?: boolean;
  /** Counts the age of a corpse from when the pod was first known to be terminating or finished. */
  readonly keepsCorpseClock?: boolean;
  /** Goes by the clock of the machine, not by the API server's. */
  readonly trustsOwnClock?: boolean;
  /** Waits for calls beyond the deadline of the answer. */
  readonly answersLate?: boolean;
  /** Believes the cache however long it has heard nothing. */
  readonly trustsSilentCache?: boolean;
  /** Makes one call after the other. */
  readonly oneCallAtATime?: boolean;
  /** Reconciles nothing. */
  readonly neverReconciles?: boolean;
  /** Takes marks back although a live read finds the node draining. */
  readonly withdrawsByCache?: boolean;
  /** Counts a mark that the hook took back as one that was taken away. */
  readonly countsWithdrawn?: boolean;
  /** Removes the entry when it is read for a response. */
  readonly consumesEntries?: boolean;
}

/** The observation that the policy gets in a process with this fault. */
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
