import type { Pod, Requirement, Selector } from '../model.ts';
import { matches } from '../selector.ts';

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
