/** An AdmissionReview as the API server sends it for `kubectl drain`. */
export function reviewOf(namespace: string, name: string): string {
  const kind = { group: 'policy', version: 'v1', kind: 'Eviction' };
  const resource = { group: '', version: 'v1', resource: 'pods' };
  return JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: crypto.randomUUID(),
      kind,
      resource,
      subResource: 'eviction',
      requestKind: kind,
      requestResource: resource,
      requestSubResource: 'eviction',
      name,
      namespace,
      operation: 'CREATE',
      userInfo: {
        username: 'admin@example.com',
        uid: 'aws-iam-authenticator:000000000000:AIDAEXAMPLE',
        groups: ['system:masters', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=0123456789abcdef'] },
      },
      object: {
        kind: 'Eviction',
        apiVersion: 'policy/v1',
        metadata: { name, namespace, creationTimestamp: null },
        deleteOptions: {},
      },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  });
}
