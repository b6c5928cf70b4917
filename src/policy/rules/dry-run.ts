import type { Allow, Answer } from '../decision.ts';
import { assertNever } from '../model.ts';
import { onceLive } from '../observation.ts';
import type { PolicySettings } from '../profile.ts';
import type { Opinion, PodObservation, Rule } from './rule.ts';

/** Allows a dry run, because the API server then deletes nothing. A warning describes what the later rules would do. */
export const dryRun =
  (forecast: (seen: PodObservation, settings: PolicySettings) => Opinion): Rule<PodObservation> =>
  (seen, settings) => {
    const { dryRun, namespace, name } = seen.request;
    if (!dryRun) return undefined;
    const opinion = forecast(seen, settings);
    if (opinion.kind === 'look') return opinion;
    const answer = opinion.kind === 'awaitCache' ? opinion.otherwise : opinion;
    const warning = `reschedule hook, dry run: pod ${namespace}/${name} ${consequence(answer)}`;
    const allowed: Allow = { kind: 'allow', reason: 'DryRun', warning };
    return onceLive(seen, ['pod'], allowed);
  };

function consequence(answer: Answer): string {
  switch (answer.kind) {
    case 'allow':
      return 'would be evicted';
    case 'deny':
      return `would be refused with ${answer.code}: ${answer.message}`;
    case 'mark':
      return 'would be marked for its operator to move, and the drain would wait until it has left';
    default:
      return assertNever(answer);
  }
}
