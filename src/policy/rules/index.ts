import type { RuleId } from '../decision.ts';
import type { Observation } from '../observation.ts';
import type { PolicySettings } from '../profiles/profile.ts';
import { asked } from './asking/asked.ts';
import { mark } from './asking/mark.ts';
import { marked } from './asking/marked.ts';
import { markedByOthers } from './asking/marked-by-others.ts';
import { ownEviction } from './asking/own-eviction.ts';
import { cameBackTooOften } from './comes-back.ts';
import { dryRun } from './dry-run.ts';
import {
  cameBackOnDrainingNode,
  cameBackOnItsNode,
  drainMayGoOn,
  notSeenByCache,
  notYetInPlace,
  rescheduled,
  rescheduledThoughMarked,
} from './earlier-instance.ts';
import { notAnEviction } from './not-an-eviction.ts';
import { notDraining } from './not-draining.ts';
import { notProtected } from './not-protected.ts';
import { otherInstallation } from './other-installation.ts';
import { otherInstance } from './other-instance.ts';
import { podGone } from './pod-gone.ts';
import { policyAnnotation } from './policy-annotation.ts';
import type { Opinion, PodObservation, Rule } from './rule.ts';
import { terminatingOrFinished } from './terminating-or-finished.ts';

/** A rule with its number in docs/decision-table.md. */
interface Numbered<Seen extends Observation> {
  readonly id: RuleId;
  readonly rule: Rule<Seen>;
}

/** The decision table, top to bottom, is `RULES` and then `RULES_ABOUT_THE_POD`: the first rule with an opinion wins. */
export const RULES: readonly Numbered<Observation>[] = [
  { id: '1', rule: notAnEviction },
  { id: '2', rule: podGone },
  { id: '3', rule: notProtected },
];

/** The rules that a dry run only describes. The last one always has an opinion. */
const ACTING: readonly Numbered<PodObservation>[] = [
  { id: '6', rule: terminatingOrFinished },
  { id: '8c', rule: rescheduledThoughMarked },
  { id: '6a', rule: policyAnnotation },
  { id: '6b', rule: ownEviction },
  { id: '7', rule: markedByOthers },
  { id: '7', rule: marked },
  { id: '7', rule: asked },
  { id: '8a', rule: cameBackTooOften },
  { id: '8a', rule: cameBackOnDrainingNode },
  { id: '8b', rule: notYetInPlace },
  { id: '8b', rule: cameBackOnItsNode },
  { id: '8b', rule: drainMayGoOn },
  { id: '8c', rule: rescheduled },
  { id: '9', rule: otherInstallation },
  { id: '8d', rule: notSeenByCache },
  { id: '9', rule: notDraining },
  { id: '9', rule: mark },
];

/** The rules that run after a look at the pod and its tracker. */
export const RULES_ABOUT_THE_POD: readonly Numbered<PodObservation>[] = [
  { id: '4', rule: otherInstance },
  { id: '5', rule: dryRun((seen, settings) => winner(firstOpinion(ACTING, seen, settings)).opinion) },
  ...ACTING,
];

/** An opinion, and the number of its rule. */
export interface NumberedOpinion {
  readonly id: RuleId;
  readonly opinion: Opinion;
}

export function firstOpinion<Seen extends Observation>(
  rules: readonly Numbered<Seen>[],
  seen: Seen,
  settings: PolicySettings,
): NumberedOpinion | undefined {
  for (const { id, rule } of rules) {
    const opinion = rule(seen, settings);
    if (opinion !== undefined) return { id, opinion };
  }
  return undefined;
}

export function winner(opinion: NumberedOpinion | undefined): NumberedOpinion {
  if (opinion === undefined) throw new Error('no rule has an opinion: the last one must always have one');
  return opinion;
}
