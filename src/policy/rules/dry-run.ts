import type { Decision, Observation, Rule } from '../decision.ts';
import type { PolicySettings } from '../model.ts';
import { assertNever } from '../model.ts';

/** Rule 5: a dry run is allowed (the API server then deletes nothing) and told what the rules after this one would do. */
export const dryRun =
  (whatIf: (observation: Observation, settings: PolicySettings) => Decision): Rule =>
  (observation, settings) => {
    if (!observation.request.dryRun) return undefined;
    const { namespace, name } = observation.request;
    const warning = `reschedule hook, dry run: pod ${namespace}/${name} ${consequence(whatIf(observation, settings))}`;
    return { kind: 'allow', rule: '5', reason: 'DryRun', warning };
  };

function consequence(decision: Decision): string {
  switch (decision.kind) {
    case 'allow':
      return 'would be evicted';
    case 'deny':
      return `would be refused with ${decision.code}: ${decision.message}`;
    case 'mark':
      return 'would be marked for its operator to move, and the drain would wait until it has left';
    default:
      return assertNever(decision);
  }
}
