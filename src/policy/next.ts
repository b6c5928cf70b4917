import type { Decision, Observation, Rule } from './decision.ts';
import type { PolicySettings } from './model.ts';
import { dryRun } from './rules/dry-run.ts';
import {
  cacheBehind,
  cameBackOnDrainingNode,
  cameBackOnItsNode,
  notYetInPlace,
  rescheduled,
} from './rules/earlier-instance.ts';
import { markIt } from './rules/mark.ts';
import { marked } from './rules/marked.ts';
import { notAnEviction } from './rules/not-an-eviction.ts';
import { notProtected } from './rules/not-protected.ts';
import { otherInstance } from './rules/other-instance.ts';
import { podGone } from './rules/pod-gone.ts';
import { ending } from './rules/terminating-or-finished.ts';

/** The rules that a dry run only describes. */
const ACTING: readonly Rule[] = [
  ending,
  marked,
  cameBackOnDrainingNode,
  notYetInPlace,
  cameBackOnItsNode,
  rescheduled,
  cacheBehind,
];

/** The decision table, top to bottom; the first rule that has an opinion wins, and rule 9 is what is left. */
const RULES: readonly Rule[] = [
  notAnEviction,
  podGone,
  notProtected,
  otherInstance,
  dryRun((observation, settings) => firstOpinion(ACTING, observation, settings)),
  ...ACTING,
];

/** Decides one eviction. Pure: the same observation and settings always give the same decision. */
export function decide(observation: Observation, settings: PolicySettings): Decision {
  return firstOpinion(RULES, observation, settings);
}

/**
 * Whether a decision may be carried out on the evidence it was made on (S2). From the cache: an answer that keeps the
 * drainer waiting, and a first mark, whose writes are guarded by what was seen (S4). Everything that lets a drain go on
 * or gives up on it, a second move of the same name, a mark without the entry that belongs to it, and an entry that would
 * say that nobody drains the node (the cordon may be milliseconds old), wants a live read; and from a cache that has heard
 * nothing for minutes, so does every answer, or drains would wait on it for ever.
 */
export function isFinal(decision: Decision, observation: Observation): boolean {
  if (observation.evidence === 'live' || decision.rule === '1') return true;
  if (observation.isCacheStale) return false;
  if (decision.kind === 'deny') return decision.code === 429;
  if (decision.kind !== 'mark' || decision.rule !== '9') return false;
  return decision.trackerMissing === undefined && (decision.draining || decision.entryOn === undefined);
}

function firstOpinion(rules: readonly Rule[], observation: Observation, settings: PolicySettings): Decision {
  for (const rule of rules) {
    const decision = rule(observation, settings);
    if (decision !== undefined) return decision;
  }
  if (observation.pod === undefined) throw new Error('decide: rule 2 must come before rule 9');
  return markIt(observation, settings, observation.pod);
}
