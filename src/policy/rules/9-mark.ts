import { type Decision, MESSAGES, type Observation, type RuleId } from '../decision.ts';
import type { Pod } from '../model.ts';

/** Rule 9, and 8a: refuse, and ask the operator to move this very instance. */
export function markIt(
  observation: Observation,
  pod: Pod,
  rule: RuleId = '9',
  reason: 'Marked' | 'MarkedAgain' = 'Marked',
): Decision {
  const { tracker, trackerMissing } = observation;
  return {
    kind: 'mark',
    rule,
    reason,
    message: MESSAGES.marked,
    pod,
    ...(tracker?.reusesNames ? { entryOn: tracker } : {}),
    ...(trackerMissing === undefined ? {} : { trackerMissing }),
  };
}
