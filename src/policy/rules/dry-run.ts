import type { Allow, Answer, Mark } from '../decision.ts';
import { assertNever } from '../model.ts';
import { LOOK_AT_NODE, onceLive, seenValue } from '../observation.ts';
import { describeHindrance } from '../pod-state.ts';
import type { PolicySettings } from '../profiles/profile.ts';
import type { Opinion, PodObservation, Rule } from './rule.ts';

/** Allows a dry run, because the API server then deletes nothing. A warning describes what the later rules would do. */
export const dryRun =
  (forecast: (seen: PodObservation, settings: PolicySettings) => Opinion): Rule<PodObservation> =>
  (seen, settings) => {
    const { dryRun, namespace, name } = seen.request;
    if (!dryRun) return undefined;
    if (seen.pod.value.node !== undefined && seen.node.kind === 'unread') return LOOK_AT_NODE;
    const opinion = forecast(asIfCordoned(seen), settings);
    if (opinion.kind === 'look') return opinion;
    const answer = opinion.kind === 'awaitCache' ? opinion.otherwise : opinion;
    const warning = `reschedule hook, dry run: pod ${namespace}/${name} ${consequence(answer)}${holdUp(seen, answer)}`;
    const allowed: Allow = { kind: 'allow', reason: 'DryRun', warning };
    return onceLive(seen, ['pod'], allowed);
  };

/** A dry run cordons nothing, and a real drain cordons first. */
function asIfCordoned(seen: PodObservation): PodObservation {
  if (seen.node.kind !== 'present') return seen;
  return { ...seen, node: { ...seen.node, value: { ...seen.node.value, unschedulable: true } } };
}

function consequence(answer: Answer): string {
  switch (answer.kind) {
    case 'allow':
      return 'would be evicted';
    case 'deny':
      return `would be refused with ${answer.code}: ${answer.message}`;
    case 'mark':
      return consequenceOfMark(answer);
    default:
      return assertNever(answer);
  }
}

function consequenceOfMark({ reason, message, request }: Mark): string {
  if (reason === 'Held' || reason === 'Remembered') return `would be refused with 429: ${message}`;
  const asked = request && `would be asked for on ${request.kind} ${request.name}`;
  return `${asked ?? 'would be marked for its operator to move'}, and the drain would wait until it has left`;
}

/** What will keep the operator from moving the pod; a refusal says it by itself. */
function holdUp({ tracker, reported }: PodObservation, { kind }: Answer): string {
  const hindrance = kind === 'mark' ? describeHindrance(seenValue(tracker), reported) : undefined;
  return hindrance === undefined ? '' : `; ${hindrance}`;
}
