import type { Decision } from './decision.ts';
import { withItsWords } from './in-background.ts';
import type { Entry } from './model.ts';
import { type Look, type Observation, policyOf, seenValue } from './observation.ts';
import type { PolicySettings } from './profiles/profile.ts';
import { firstOpinion, type NumberedOpinion, RULES, RULES_ABOUT_THE_POD, winner } from './rules/index.ts';
import { entryOf, type PodObservation } from './rules/rule.ts';

/** The cache must see the instance first. `otherwise` is the decision if it does not in time. */
export interface AwaitCacheThen {
  readonly kind: 'awaitCache';
  readonly otherwise: Decision;
}

/**
 * Decides the next step for one eviction: a decision, a look that is still missing, or a wait for the cache. Pure: the
 * same observation and settings always give the same result. Each rule states what its decision rests on. A rule that
 * lets a drain go on rests on live reads alone (S2).
 */
export function next(observation: Observation, settings: PolicySettings): Decision | Look | AwaitCacheThen {
  const early = firstOpinion(RULES, observation, settings);
  if (early !== undefined) return numbered(early, observation);
  const seen = lookCloser(observation, settings);
  return 'kind' in seen ? seen : numbered(winner(firstOpinion(RULES_ABOUT_THE_POD, seen, settings)), seen);
}

/** The pod exists and is protected. The remaining rules need the whole pod and its tracker. */
function lookCloser(observation: Observation, settings: PolicySettings): PodObservation | Look {
  const { pod, tracker, profile, registration } = observation;
  // For a pod that the cache lacks, only the metadata were read live.
  if (pod.kind !== 'present') return { kind: 'look', at: 'pod', live: true };
  if (tracker.kind === 'unread') return { kind: 'look', at: 'tracker', live: false };
  if (profile === undefined) throw new Error('a pod without a profile must have been answered by an earlier rule');
  const entry = entryOf(observation);
  const seen = { ...observation, pod, tracker, profile };
  if (entry?.installation === undefined || entry.installation === settings.installation) return withEntry(seen, entry);
  if (registration.kind === 'unread') return { kind: 'look', at: 'registration', live: true };
  // What an installation that is gone has left behind counts as ours.
  if (registration.kind === 'absent') return withEntry(seen, entry);
  // One about the present instance says all the same that this one was marked, so no earlier one is asked for (S5).
  const isOwn = entry.uid === pod.value.uid;
  return { ...(isOwn ? seen : withEntry(seen, undefined)), otherInstallation: entry.installation };
}

function withEntry(seen: PodObservation, entry: Entry | undefined): PodObservation {
  const earlier = earlierInstance(seen, entry);
  return { ...seen, ...(entry === undefined ? {} : { entry }), ...(earlier === undefined ? {} : { earlier }) };
}

/**
 * The instance of this name that was marked before the present one. `entry`: of its name, if it counts. It takes precedence over the cache's memory.
 * An entry about the present instance means that this one was marked, so there is no earlier one to wait for (S5).
 */
export function earlierInstance(seen: Observation, entry: Entry | undefined): Entry | undefined {
  const known = entry ?? seen.remembered;
  return known === undefined || known.uid === seenValue(seen.pod)?.uid ? undefined : known;
}

function numbered({ id, opinion }: NumberedOpinion, seen: Observation): Decision | Look | AwaitCacheThen {
  const { profile } = seen;
  const by = { rule: id, ...(profile === undefined ? {} : { profile: profile.name }) };
  switch (opinion.kind) {
    case 'look':
      return opinion;
    case 'awaitCache':
      return { kind: 'awaitCache', otherwise: { ...opinion.otherwise, ...by } };
    default:
      return { ...withItsWords(opinion, seenValue(seen.pod), policyOf(seen)?.policy), ...by };
  }
}
