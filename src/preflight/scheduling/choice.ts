import type { NodeObject, PodObject, TaintObject, Toleration } from './objects.ts';
import { selectsNode } from './selectors.ts';

export const CORDON: TaintObject = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export function cordonProblem({ spec }: PodObject, node: NodeObject): string | undefined {
  return node.spec?.unschedulable && !isTolerated(CORDON, spec.tolerations) ? 'cordoned' : undefined;
}

/** By what the pod asks of its node. */
export function choiceProblem({ spec }: PodObject, node: NodeObject): string | undefined {
  const { labels = {} } = node.metadata;
  const isSelected = Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value);
  if (!isSelected) return 'nodeSelector';
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || selectsNode(required, node) ? undefined : 'node affinity';
}

export function taintProblem({ spec }: PodObject, node: NodeObject): string | undefined {
  const taint = node.spec?.taints?.find(
    (one) => one.effect !== 'PreferNoSchedule' && !isTolerated(one, spec.tolerations),
  );
  if (taint?.key === CORDON.key) return 'cordoned';
  return taint && `taint ${taint.key}`;
}

export function toleratesCordon({ spec }: PodObject): boolean {
  return isTolerated(CORDON, spec.tolerations);
}

function isTolerated(taint: TaintObject, tolerations: readonly Toleration[] = []): boolean {
  return tolerations.some(({ key = '', operator = 'Equal', value = '', effect = '' }) => {
    if (effect !== '' && effect !== taint.effect) return false;
    if (key === '') return operator === 'Exists';
    return key === taint.key && (operator === 'Exists' || value === (taint.value ?? ''));
  });
}
