import type { RequestForm } from './request.ts';
import { writtenAt } from './written-at.ts';

/** The label with the identifier of a pod's process group. */
const ID = 'foundationdb.org/fdb-process-group-id';
/** The operator's own limit: api/v1beta2/foundationdbcluster_types.go. */
const MAX = 500;

/**
 * FoundationDB: the identifier of the pod's process group is appended to `spec.processGroupsToRemove`. The operator makes the
 * replacement first, and then removes the pod. Entries stay in the list, and nobody but their owner removes them.
 */
export const processGroups: RequestForm = {
  labelKeys: [ID],
  read(object, { labels }) {
    const [id, list] = [labels[ID], listOf(object)];
    if (id === undefined) return { kind: 'not now', why: `is not asked: the pod has no label ${ID}` };
    if (list?.includes(id)) {
      const since = writtenAt(object, ['spec', 'processGroupsToRemove']);
      return { kind: 'yes', ...(since === undefined ? {} : { since }) };
    }
    if ((list?.length ?? 0) < MAX) return { kind: 'no' };
    return { kind: 'not now', why: `has ${MAX} entries in spec.processGroupsToRemove, which is the most` };
  },
  write(object, { labels }) {
    const id = labels[ID];
    if (listOf(object) === undefined) return [{ op: 'add', path: '/spec/processGroupsToRemove', value: [id] }];
    return [{ op: 'add', path: '/spec/processGroupsToRemove/-', value: id }];
  },
};

function listOf(object: unknown): readonly unknown[] | undefined {
  const { spec } = object as { readonly spec?: { readonly processGroupsToRemove?: readonly unknown[] | null } };
  return spec?.processGroupsToRemove ?? undefined;
}
