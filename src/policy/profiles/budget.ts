import { type Deny, MESSAGES, wait } from '../decision.ts';
import { decodeEntry, entryKey } from '../entry.ts';
import type { Pod, Requirement, Selector, Tracker } from '../model.ts';
import { type Look, onceLive, seenValue } from '../observation.ts';
import { isTerminatingOrFinished } from '../pod-state.ts';
import type { PodObservation } from '../rules/rule.ts';
import { matches } from '../selector.ts';
import { someOf, uncountable } from './group-moves.ts';
import { isMarked } from './profile.ts';

/** A disruption budget over a pod, as far as a mark depends on it. */
export interface Budget {
  readonly name: string;
  readonly selector: Selector;
  /** How many of its pods have to stay healthy. Absent: its controller has not said so for what it is now. */
  readonly desiredHealthy?: number;
}

/** A budget, and the pods that it is over. */
export interface BudgetWithPods extends Budget {
  readonly pods: readonly Pod[];
}

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

interface RawBudget {
  readonly metadata?: { readonly name?: string; readonly generation?: number };
  readonly spec?: { readonly selector?: RawSelector | null };
  readonly status?: { readonly observedGeneration?: number; readonly desiredHealthy?: number };
}

interface RawSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key?: string;
    readonly operator?: string;
    readonly values?: readonly string[];
  }[];
}

/** Those of the raw budgets of a namespace that are over a pod with these labels. An empty selector is over all pods. */
export function budgetsOver(raw: readonly object[], labels: Readonly<Record<string, string>>): readonly Budget[] {
  return raw.flatMap((one) => {
    const { metadata, spec, status = {} } = one as RawBudget;
    if (!spec?.selector) return [];
    const budget = { name: metadata?.name ?? '', selector: readSelector(spec.selector) };
    return matches(budget.selector, labels) ? [{ ...budget, ...computed(metadata, status) }] : [];
  });
}

function computed(
  metadata: RawBudget['metadata'],
  status: NonNullable<RawBudget['status']>,
): Pick<Budget, 'desiredHealthy'> {
  const { observedGeneration = 0, desiredHealthy } = status;
  const isCurrent = observedGeneration >= (metadata?.generation ?? 0);
  return isCurrent && desiredHealthy !== undefined ? { desiredHealthy } : {};
}

const OPS = { In: 'in', NotIn: 'notIn', Exists: 'exists', DoesNotExist: 'missing' } as const;

function readSelector({ matchLabels = {}, matchExpressions = [] }: RawSelector): Selector {
  const byLabels = Object.entries(matchLabels).map(([key, value]): Requirement => ({ op: 'in', key, values: [value] }));
  const byExpressions = matchExpressions.map(({ key = '', operator = '', values = [] }): Requirement => {
    const op = OPS[operator as keyof typeof OPS];
    if (op === undefined) throw new Error(`a disruption budget has the operator ${operator}`);
    return op === 'in' || op === 'notIn' ? { op, key, values } : { op, key };
  });
  return [...byLabels, ...byExpressions];
}
