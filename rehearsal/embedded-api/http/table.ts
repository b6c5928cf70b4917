import type { Kind } from '../storage/kinds.ts';
import type { ApiObject, Json } from '../storage/object.ts';
import { columnsOf } from './columns.ts';

/** Objects as the rows that `kubectl get` prints. In a watch only the first event names the columns. */
export function tableOf(
  kind: Kind,
  objects: readonly ApiObject[],
  {
    metadata,
    now,
    withColumns = true,
  }: { readonly metadata: Json; readonly now: number; readonly withColumns?: boolean },
): Json {
  const columns = columnsOf(kind);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: withColumns
      ? columns.map(({ name, type, format, priority }) => ({ name, type, format, description: name, priority }))
      : null,
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object, now)),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
    })),
  };
}

/** Whether a client prefers a table over the objects themselves. */
export const wantsTable = (accept: string) => /^application\/json;[^,]*\bas=Table\b/.test(accept);
