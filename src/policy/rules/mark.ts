import { type Decision, MESSAGES, type Observation, type RuleId } from '../decision.ts';
import type { Pod, PolicySettings } from '../model.ts';
import { isDraining } from '../pod-state.ts';

/** Rule 9, and 8a: refuse, and ask the operator to move this very instance. */
export function markIt(
  observation: Observation,
  settings: PolicySettings,
  pod: Pod,
  rule: RuleId = '9',
  reason: 'Marked' | 'MarkedAgain' = 'Marked',
): Decision {
  const { node, tracker, trackerMissing } = observation;
  return {
    kind: 'mark',
    rule,
    reason,
    message: MESSAGES.marked,
    pod,
    draining: isDraining(node, settings.drainTaints),
    ...(tracker?.reusesNames ? { entryOn: tracker } : {}),
    ...(trackerMissing === undefined ? {} : { trackerMissing }),
  };
}
