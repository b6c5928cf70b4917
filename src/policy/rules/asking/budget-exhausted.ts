import { type Deny, MESSAGES, wait } from '../../decision.ts';
import { decodeEntry, entryKey } from '../../entry.ts';
import type { Pod, Tracker } from '../../model.ts';
import { type Look, onceLive, seenValue } from '../../observation.ts';
import { isTerminatingOrFinished } from '../../pod-state.ts';
import type { BudgetWithPods } from '../../profiles/budget.ts';
import { someOf, uncountable } from '../../profiles/group-moves.ts';
import { isMarked } from '../../profiles/profile.ts';
import type { PodObservation } from '../rule.ts';

/**
 * An operator that deletes a pod asks no disruption budget. So a profile may have the hook mark a pod only while its budgets would
 * allow a disruption. Undefined if they do. Moves under way count as disruptions, from the entry on. That rests on live reads which
 * are younger than the look at the tracker, whose version is the lock (S4).
 */
export function budgetAllowsNone(seen: PodObservation): Deny | Look | undefined {
  const { profile, tracker, refusal, budgets, pod } = seen;
  if (!profile.respectsBudgets) return undefined;
  const why = uncountable(seenValue(tracker), refusal, undefined);
  if (why !== undefined || tracker.kind !== 'present') return untracked(seen, why ?? 'it has no tracking resource');
  if (budgets.kind !== 'present') return { kind: 'look', at: 'budgets', live: true };
  const full = budgets.value.map((one) => whyFull(one, pod.value, tracker.value)).find((text) => text !== undefined);
  if (full === undefined) return onceLive(seen, ['pod', 'tracker', 'budgets'], undefined);
  return wait('BudgetExhausted', `${MESSAGES.waiting} (${full})`);
}

function untracked(seen: PodObservation, why: string): Deny | Look {
  const text = `its disruption budget is to be respected, and nobody can count the moves under way: ${why}`;
  const answer = wait('BudgetExhausted', `${MESSAGES.waiting} (${text})`);
  return seen.tracker.kind === 'absent' ? onceLive(seen, ['tracker'], answer) : answer;
}

/** Why the budget does not allow the pod to go now; undefined if it does. */
function whyFull({ name, desiredHealthy, pods }: BudgetWithPods, target: Pod, tracker: Tracker): string | undefined {
  const budget = `PodDisruptionBudget ${name}`;
  if (desiredHealthy === undefined) return `${budget} has not been computed yet`;
  const healthy = pods.filter(isHealthy);
  const going = healthy.filter((one) => one.uid !== target.uid && isGoing(one, tracker));
  const own = healthy.some(({ uid }) => uid === target.uid) ? 1 : 0;
  if (healthy.length - going.length - own >= desiredHealthy) return undefined;
  const moves = going.length === 0 ? '' : `; under way: ${someOf(going.map((one) => one.name))}`;
  return `${budget} allows no disruption: ${healthy.length} healthy, ${desiredHealthy} needed${moves}`;
}

const isHealthy = (pod: Pod) => pod.ready && !isTerminatingOrFinished(pod);

/** Marked, or about to be: its entry comes first. */
function isGoing(pod: Pod, { entries }: Tracker): boolean {
  const entry = entries[entryKey(pod.namespace, pod.name)];
  return isMarked(pod) || (entry !== undefined && decodeEntry(entry).uid === pod.uid);
}
