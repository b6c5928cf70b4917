import { MESSAGES, wait } from '../../decision.ts';
import { formatAge } from '../../duration.ts';
import { seenValue } from '../../observation.ts';
import { describeHindrance } from '../../pod-state.ts';
import type { Asked } from '../../requests/request.ts';
import type { Opinion, PodObservation, Rule } from '../rule.ts';

/**
 * The profile asks for moves on another object, and that asks for this one already, or cannot be asked now. So the drainer
 * waits. That object says it, and is read each time: nobody watches it.
 */
export const asked: Rule<PodObservation> = (seen) => {
  const { profile, target, pod } = seen;
  const { request } = profile;
  if (request === undefined) return undefined;
  if (target.kind === 'unread') return { kind: 'look', at: 'target', live: true };
  const found = seenValue(target);
  if (found === undefined) {
    const name = pod.value.labels[request.label];
    const why = name === undefined ? `the pod has no label ${request.label}` : `there is no ${request.kind} ${name}`;
    return wait('NotAsked', `${MESSAGES.waiting} (nobody can be asked to move it: ${why})`);
  }
  const on = `${found.kind} ${found.name}`;
  if (found.asked.kind === 'yes') return waiting(seen, found.asked, on);
  return found.asked.kind === 'no' ? undefined : wait('NotAsked', `${MESSAGES.waiting} (${on} ${found.asked.why})`);
};

function waiting(
  { now, profile, tracker, reported }: PodObservation,
  { since, isDone }: Extract<Asked, { kind: 'yes' }>,
  on: string,
): Opinion {
  const isStalled = since !== undefined && now - since >= profile.stallAfterMs;
  const details = [
    `its move was asked for${since === undefined ? '' : ` ${formatAge(now - since)} ago`} on ${on}`,
    isDone && 'that says that it is done',
    isStalled && 'stalled: its operator has not acted',
    describeHindrance(seenValue(tracker), reported),
  ];
  return wait(isStalled ? 'Stalled' : 'Waiting', `${MESSAGES.waiting} (${details.filter(Boolean).join('; ')})`);
}
