import { trackingOf } from './tracking.ts';

export const namespaceTracking = trackingOf({
  type: 'namespace',
  resource: { apiVersion: 'v1', kind: 'Namespace', apiPath: '/api/v1', plural: 'namespaces', isNamespaced: false },
  labelKeys: [],
  nameFor: (pod) => ({ name: pod.namespace }),
  reusesNames: () => true,
  hindrance: () => undefined,
});
