import { isDeepStrictEqual } from 'node:util';
import type { ConfiguredProfile } from '../config/profiles/configured-profile.ts';
import { formatSelector } from '../policy/selector.ts';

/** Replicas see a mounted file up to a minute apart, and none of them may let a pod go that another one protects. */
export const LEAVING_MS = 5 * 60_000;

/** A profile that the file has no more, and until when it counts, on the monotonic clock. */
export interface Leaving {
  readonly profile: ConfiguredProfile;
  readonly until: number;
}

/** What the file says, and what it said a while ago. */
export interface ProfilePlan {
  readonly written: readonly ConfiguredProfile[];
  readonly leaving: readonly Leaving[];
}

/** What is to be in force from `now` on, after `before`. Pods that only the old file selects stay protected for a while. */
export function planProfiles(before: ProfilePlan, written: readonly ConfiguredProfile[], now: number): ProfilePlan {
  const gone = before.written.map((profile) => ({ profile: { ...profile, isLeaving: true }, until: now + LEAVING_MS }));
  const leaving = [...gone, ...before.leaving].filter(
    ({ profile, until }, i, all) =>
      until > now &&
      !written.some((one) => selectsAllOf(one, profile)) &&
      all.findIndex((one) => isDeepStrictEqual(one.profile, profile)) === i,
  );
  return { written, leaving };
}

/** Those of the file come first: a pod that it selects is of the profile that it names. */
export function profilesInForce({ written, leaving }: ProfilePlan): readonly ConfiguredProfile[] {
  return [...written, ...leaving.map(({ profile }) => profile)];
}

function selectsAllOf(one: ConfiguredProfile, other: ConfiguredProfile): boolean {
  const selectors = one.selectors.map(formatSelector);
  const hasAll = other.selectors.every((selector) => selectors.includes(formatSelector(selector)));
  return hasAll && isDeepStrictEqual(one.requires, other.requires);
}
