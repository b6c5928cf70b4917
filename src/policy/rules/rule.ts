import type { Answer, Deny } from '../decision.ts';
import type { Entry, Pod, Tracker } from '../model.ts';
import type { Absent, Look, Observation, Present } from '../observation.ts';
import type { PolicySettings, Profile } from '../profile.ts';

/** The cache must see the instance first, which a live read has found; `otherwise`: the answer where it does not in time. */
export interface AwaitCache {
  readonly kind: 'awaitCache';
  readonly otherwise: Deny;
}

/** What a rule says: an answer, or what it has to know first. */
export type Opinion = Answer | Look | AwaitCache;

/** An observation of a pod that the hook protects: the pod and its tracker have been looked at, if only in the cache. */
export interface PodObservation extends Observation {
  readonly pod: Present<Pod>;
  readonly tracker: Absent | Present<Tracker>;
  readonly profile: Profile;
  /** The instance of this name that was marked before the present one. */
  readonly earlier?: Entry;
}

/** One row of the decision table: its opinion, or undefined where it does not apply. */
export type Rule<Seen extends Observation = Observation> = (
  seen: Seen,
  settings: PolicySettings,
) => Opinion | undefined;
