import { hasEnded, nameOf, type PodObject } from '../scheduling/objects.ts';
import { selectsLabels } from '../scheduling/selectors.ts';
import type { Budget, DrainFacts } from './facts.ts';
import type { Finding } from './findings.ts';

/** What disruption budgets do to an eviction that nobody refuses before. `isReplaced`: another node takes its replacement. */
export function budgetFindings(pod: PodObject, facts: DrainFacts, isReplaced: boolean): Finding[] {
  const own = budgetsOf(pod, facts.budgets);
  if (hasEnded(pod) || pod.status?.phase === 'Pending' || own.length === 0) return [];
  if (own.length > 1) {
    const names = own.map(nameOf).join(' and ');
    const text = `${names} both select it, and the eviction API takes one disruption budget at most.`;
    return [{ what: 'SeveralBudgets', verdict: 'hangs', text, remedy: 'Narrow the selector of one, or delete it.' }];
  }
  return own.flatMap((budget) => {
    if (!allows(budget, pod)) return [atZero(budget)];
    return isReplaced || !isUsedUp(budget, facts) ? [] : [usedUp(budget)];
  });
}

/** Whether more of its pods are to go than it allows before one of them is replaced. */
function isUsedUp(budget: Budget, { pods }: DrainFacts): boolean {
  const going = pods.filter((pod) => budgetsOf(pod, [budget]).length > 0 && !hasEnded(pod));
  return going.length > (budget.status?.disruptionsAllowed ?? 0);
}

const usedUp = (budget: Budget): Finding => ({
  what: 'Budget',
  verdict: 'likely',
  text: `Disruption budget ${nameOf(budget)} allows fewer pods than are to go, and no other node would take a replacement.`,
  remedy: 'Make room on another node, or loosen the budget.',
});

/** For a pod that its operator deletes: that asks no budget. */
export function unaskedBudgets(pod: PodObject, budgets: readonly Budget[]): Finding[] {
  const full = budgetsOf(pod, budgets).filter((budget) => !allows(budget, pod));
  return full.map((budget) => ({
    what: 'Budget',
    verdict: 'note',
    text: `Disruption budget ${nameOf(budget)} allows none now. That does not matter here: the operator deletes the pod.`,
    remedy: '',
  }));
}

/** Of pods whose owner has no scale, as some custom resources, a percentage or maxUnavailable says nothing. */
function uncounted(budget: Budget, why: string): Finding {
  const text = `Disruption budget ${nameOf(budget)} allows none, because its pods cannot be counted: ${why}.`;
  return { what: 'Budget', verdict: 'hangs', text, remedy: 'Give it minAvailable as a number, or delete it.' };
}

function atZero(budget: Budget): Finding {
  const failed = budget.status?.conditions?.find(({ reason }) => reason === 'SyncFailed');
  if (failed !== undefined) return uncounted(budget, failed.message ?? 'its status does not say why');
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0 } = budget.status ?? {};
  const text = `Disruption budget ${nameOf(budget)} allows none now: ${currentHealthy} of ${expectedPods} pods are healthy, and it wants ${desiredHealthy}.`;
  const remedy =
    currentHealthy < expectedPods
      ? 'Bring back the pods that are not Ready, or loosen the budget.'
      : 'Add a replica, or loosen the budget.';
  return { what: 'Budget', verdict: 'hangs', text, remedy };
}

const budgetsOf = ({ metadata }: PodObject, budgets: readonly Budget[]) =>
  budgets.filter(
    (one) => one.metadata.namespace === metadata.namespace && selectsLabels(one.spec?.selector, metadata.labels),
  );

/** https://kubernetes.io/docs/tasks/run-application/configure-pdb/#unhealthy-pod-eviction-policy */
function allows({ spec, status = {} }: Budget, pod: PodObject): boolean {
  const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0 } = status;
  if (disruptionsAllowed > 0) return true;
  const isReady = pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True');
  if (isReady) return false;
  return spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow' || (currentHealthy >= desiredHealthy && desiredHealthy > 0);
}
