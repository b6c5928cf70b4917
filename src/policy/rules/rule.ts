import type { Answer, Deny } from '../decision.ts';
import type { Entry, Pod, Tracker } from '../model.ts';
import { type Absent, type Look, type Observation, type Present, seenValue } from '../observation.ts';
import type { PolicySettings, Profile } from '../profiles/profile.ts';
import { type FoundEntry, findEntry } from '../tracking/elsewhere.ts';

/**
 * A live read found the instance, and the cache must see it before the rule can decide. `otherwise` is the answer if it
 * does not in time.
 */
export interface AwaitCache {
  readonly kind: 'awaitCache';
  readonly otherwise: Deny;
}

/** What a rule returns: an answer, or what it must know first. */
export type Opinion = Answer | Look | AwaitCache;

/** An observation of a protected pod: there was a look at the pod and at its tracker, if only in the cache. */
export interface PodObservation extends Observation {
  readonly pod: Present<Pod>;
  readonly tracker: Absent | Present<Tracker>;
  readonly profile: Profile;
  /** The entry of the pod's name, whichever instance it is about. Absent if another installation keeps it. */
  readonly entry?: Entry;
  /** The instance of this name that was marked before the present one. */
  readonly earlier?: Entry;
  /** Another installation of the hook, which keeps the pod's entry and exists. */
  readonly otherInstallation?: string;
}

/** The entry of the pod's name, whichever instance it is about and whoever wrote it. */
export function entryOf(seen: Observation): Entry | undefined {
  return entryFoundBy(seen)?.entry;
}

/** The same, and what it is on. */
export function entryFoundBy({ tracker, request, elsewhere }: Observation): FoundEntry | undefined {
  return findEntry(request, seenValue(tracker), elsewhere);
}

/** One row of the decision table. Returns its opinion, or undefined if it does not apply. */
export type Rule<Seen extends Observation = Observation> = (
  seen: Seen,
  settings: PolicySettings,
) => Opinion | undefined;

/**
 * A request with a UID is about the present instance, whatever came before it. A request without one may be about the
 * earlier instance: a drainer retries by name, wherever the pod of that name runs by now.
 */
export const asksForEarlier = ({ request, earlier }: PodObservation): boolean =>
  request.uid === undefined && earlier !== undefined;
