import type { TrackerKind } from './kind.ts';

export const namespaceTracker: TrackerKind = {
  type: 'namespace',
  apiVersion: 'v1',
  kind: 'Namespace',
  apiPath: '/api/v1',
  plural: 'namespaces',
  isNamespaced: false,
  labelKeys: [],
  nameFor: (pod) => ({ name: pod.namespace }),
  reusesNames: () => true,
  hindrance: () => undefined,
};
