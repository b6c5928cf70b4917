import type { JsonObject } from '../../src/kube/client.ts';
import { ENTRY_PREFIX } from '../../src/policy/entry.ts';
import { configMapTracking } from '../../src/policy/tracking/configmap.ts';

/** Tracking by ConfigMaps of the namespace `hooks`. */
export const CONFIGMAPS = configMapTracking({ namespace: 'hooks', installation: 'reschedule-hook' });

export const CONFIGMAP_PATH = '/api/v1/namespaces/hooks/configmaps/reschedule-hook.db';
export const CONFIGMAP_COLLECTION = '/api/v1/namespaces/hooks/configmaps';
export const NAMESPACE_PATH = '/api/v1/namespaces/db';

export const aRawNamespace = (uid = 'uid-db'): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'db', uid, resourceVersion: '40' },
});

/** The ConfigMap of namespace `db`. The keys of `entries` are those of annotations. */
export function aRawConfigMap(
  entries: Readonly<Record<string, string>> = {},
  { owner = 'uid-db', resourceVersion = '70', ...metadata }: Readonly<Record<string, unknown>> = {},
): JsonObject {
  const data = Object.entries(entries).map(([key, value]) => [key.replace(ENTRY_PREFIX, ''), value]);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      namespace: 'hooks',
      name: 'reschedule-hook.db',
      uid: 'uid-map',
      resourceVersion,
      labels: { 'app.kubernetes.io/name': 'reschedule-hook', 'reschedule.hook/installation': 'reschedule-hook' },
      ...(owner === '' ? {} : { ownerReferences: [{ apiVersion: 'v1', kind: 'Namespace', name: 'db', uid: owner }] }),
      ...metadata,
    },
    data: Object.fromEntries(data),
  };
}
