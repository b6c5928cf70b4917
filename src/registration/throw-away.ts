import { webhookOf } from './wanted-webhook.ts';

export interface ThrowAwayPlace {
  /** Of an installation, which this is none of. */
  readonly webhookConfiguration: string;
  readonly serviceName: string;
  readonly servicePort: number;
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly webhookPort: number;
  /** PEM of the authority that has signed what the hook serves. */
  readonly ca: string;
  /** What the certificate is for; the first is the one in the registration. */
  readonly hosts: readonly string[];
}

/**
 * What to do so that the API server asks a hook that runs in a terminal. The registration has a name of its own, and not the
 * label of an installation: to apply it changes no hook that is installed.
 */
export function throwAwayAdvice(place: ThrowAwayPlace): string {
  const { hosts, failurePolicy } = place;
  const [host, ...others] = hosts;
  const ends = failurePolicy === 'Fail' ? 'no pod of the cluster can be evicted' : 'protected pods are evicted';
  return `made a certificate that ends with this process, because TLS_CERT_FILE and TLS_KEY_FILE are not set

The API server asks this hook about evictions after:

kubectl apply -f - <<'END'
${JSON.stringify(registrationOf(place), undefined, 2)}
END

It has to reach this machine as ${host}; else write one of ${others.join(', ')} instead.
When the hook has ended, ${ends} until:

kubectl delete validatingwebhookconfiguration ${nameOf(place)}

`;
}

const nameOf = ({ webhookConfiguration }: ThrowAwayPlace) => `${webhookConfiguration}-throw-away`;

function registrationOf(place: ThrowAwayPlace) {
  const { serviceName, servicePort, failurePolicy, webhookPort, ca, hosts } = place;
  // The cluster must be able to heal itself while the hook is away.
  const left = { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system'] } as const;
  const service = { namespace: 'throw-away', name: serviceName, port: servicePort };
  const webhook = webhookOf({ service, failurePolicy, namespaces: [left] });
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: nameOf(place) },
    webhooks: [
      {
        ...webhook,
        clientConfig: {
          url: `https://${hosts[0]}:${webhookPort}/eviction`,
          caBundle: Buffer.from(ca).toString('base64'),
        },
      },
    ],
  };
}
