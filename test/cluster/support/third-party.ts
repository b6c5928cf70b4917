import type { Rig } from './rig.ts';

/** A webhook of somebody else, on this port of loopback, for updates in one namespace. */
export interface ThirdParty {
  /** `slow` or `refusing`: names it. */
  readonly what: string;
  readonly namespace: string;
  readonly port: number;
  readonly resource: { readonly group: string; readonly version: string; readonly plural: string };
  readonly timeoutSeconds?: number;
}

export async function registerThirdParty({ client, authority }: Rig, options: ThirdParty): Promise<void> {
  const { what, namespace, port, resource, timeoutSeconds } = options;
  const { group, version, plural } = resource;
  await client.json({
    method: 'POST',
    path: '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
    body: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: `${what}-${namespace}` },
      webhooks: [
        {
          name: `${what}.third-party.example`,
          clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: authority.caBundle },
          rules: [{ apiGroups: [group], apiVersions: [version], operations: ['UPDATE'], resources: [plural] }],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
          ...(timeoutSeconds && { timeoutSeconds }),
        },
      ],
    },
  });
}
