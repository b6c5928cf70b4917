import type { LabelSelectorObject, Labels, NodeObject, NodeSelectorObject, Requirement } from './objects.ts';

/** Whether the labels meet a label selector as objects have it. An empty one selects all; an absent one nothing. */
export function selectsLabels(selector: LabelSelectorObject | undefined, labels: Labels = {}): boolean {
  if (selector === undefined) return false;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    matchExpressions.every((one) => meets(one, labelOf(labels, one.key)))
  );
}

/** Whether one of the terms selects the node. A term that asks for nothing selects none. */
export function selectsNode({ nodeSelectorTerms = [] }: NodeSelectorObject, { metadata }: NodeObject): boolean {
  return nodeSelectorTerms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    const { labels = {}, name } = metadata;
    return (
      matchExpressions.every((one) => meets(one, labelOf(labels, one.key))) &&
      matchFields.every((one) => meets(one, one.key === 'metadata.name' ? name : undefined))
    );
  });
}

const labelOf = (labels: Labels, key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined);

function meets({ operator, values = [] }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}
