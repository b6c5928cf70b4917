import type { Requirement, Selector } from '../policy/model.ts';
import type { Scope } from './managed-registration.ts';
import type { Expression } from './wanted-webhook.ts';

/** Every namespace has this label, with its name. */
const NAME_OF_NAMESPACE = 'kubernetes.io/metadata.name';

/**
 * The namespaces of a label selector; all if there is none. The cluster must be able to heal itself, and the hook to be
 * drained, while no replica answers: so kube-system and the hook's own namespace are never among them.
 */
export function scopeOf(text: string, selector: Selector | undefined, ownNamespace: string): Scope {
  const left = { key: NAME_OF_NAMESPACE, operator: 'NotIn', values: ['kube-system', ownNamespace] } as const;
  const expressions = [left, ...(selector ?? []).map(expressionOf)];
  return { text, namespaces: () => expressions };
}

function expressionOf(requirement: Requirement): Expression {
  switch (requirement.op) {
    case 'in':
      return { key: requirement.key, operator: 'In', values: requirement.values };
    case 'notIn':
      return { key: requirement.key, operator: 'NotIn', values: requirement.values };
    case 'exists':
      return { key: requirement.key, operator: 'Exists' };
    case 'missing':
      return { key: requirement.key, operator: 'DoesNotExist' };
  }
}
