import type { JsonObject } from '../../src/kube/client.ts';

/** The AdmissionReview that an API server sends for `kubectl drain`. */
export function aReview(request: Record<string, unknown> = {}, object: Record<string, unknown> = {}): JsonObject {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'review-1',
      kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      subResource: 'eviction',
      name: 'cb-0000',
      namespace: 'db',
      operation: 'CREATE',
      userInfo: { username: 'admin', groups: ['system:authenticated'] },
      dryRun: false,
      object: {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: 'cb-0000', namespace: 'db' },
        deleteOptions: {},
        ...object,
      },
      ...request,
    },
  };
}
