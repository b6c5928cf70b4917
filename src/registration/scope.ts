import type { Requirement, Selector } from '../policy/model.ts';
import type { UsedNamespaces } from './used-namespaces.ts';
import { type Expression, isTolerated } from './wanted-webhook.ts';

/** Every namespace has this label, with its name. */
const NAME_OF_NAMESPACE = 'kubernetes.io/metadata.name';
/** A list must not be empty. No namespace has a name of capitals. */
const NOBODY = 'NONE';

/** Whose evictions the hook is asked about. */
export interface Scope {
  /** As it is set. */
  readonly text: string;
  /** What it always says. Replicas of the same text and the same of these agree about what the registration has to be. */
  readonly fixed: readonly Expression[];
  /** To be called with what the registration says now, before the others. */
  look(registered: readonly Expression[]): void;
  /** Finds out what need not be said any more, by live reads. To be called after `look`, if nothing is to be put right. */
  release(signal: AbortSignal): Promise<void>;
  /** What it has to say; undefined while nobody can tell. */
  namespaces(registered: readonly Expression[]): readonly Expression[] | undefined;
  /** Whether what it says now only has to follow the cluster, and nobody else has changed it. */
  isBehind(registered: readonly Expression[]): boolean;
  /** Of one that is behind: whether it says enough, or more. */
  isCovered(registered: readonly Expression[]): boolean;
}

/**
 * The namespaces of a label selector; all if there is none. The cluster must be able to heal itself, and the hook to be
 * drained, while no replica answers: so kube-system and the hook's own namespace are never among them.
 */
export function scopeOf(text: string, selector: Selector | undefined, ownNamespace: string): Scope {
  const left = { key: NAME_OF_NAMESPACE, operator: 'NotIn', values: ['kube-system', ownNamespace] } as const;
  const expressions = [left, ...(selector ?? []).map(expressionOf)];
  return {
    text,
    fixed: expressions,
    look: () => undefined,
    release: async () => undefined,
    namespaces: () => expressions,
    isBehind: () => false,
    isCovered: () => false,
  };
}

/** Only the namespaces that have protected pods: a hook that is down then stops no eviction in any other. */
export function usedScope(text: string, used: UsedNamespaces, ownNamespace: string): Scope {
  const isLeftOut = (one: string) => one === 'kube-system' || one === ownNamespace || one === NOBODY;
  const isNames = ({ key, operator }: Expression) => key === NAME_OF_NAMESPACE && operator === 'In';
  // Anything beside the list narrows it.
  const isList = (registered: readonly Expression[]) => registered.length === 1 && registered.every(isNames);
  const named = (registered: readonly Expression[]) => {
    const list = registered.find(isNames);
    return (list?.values ?? []).filter((one) => !isLeftOut(one));
  };
  return {
    text,
    fixed: [],
    look: (registered) => used.look(named(registered)),
    release: (signal) => used.release(signal),
    namespaces(registered) {
      const wanted = used.wanted(named(registered))?.filter((one) => !isLeftOut(one));
      if (wanted === undefined) return undefined;
      const values = wanted.length === 0 ? [NOBODY] : wanted;
      return [{ key: NAME_OF_NAMESPACE, operator: 'In', values }];
    },
    isBehind: (registered) => isList(registered.filter((one) => !isTolerated(one))) && !used.lacks(named(registered)),
    isCovered: (registered) => used.isCovered([...named(registered), 'kube-system', ownNamespace]),
  };
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
