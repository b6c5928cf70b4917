import type { ApiClient } from '../src/kube/client.ts';
import { ApiError } from '../src/kube/errors.ts';
import { MESSAGES } from '../src/policy/decision.ts';
import { NotYet, type UntilOptions, until } from './until.ts';

export interface RegistrationOptions {
  /** One URL per webhook. The API server calls all of them for every eviction. */
  readonly urls: readonly string[];
  /** Base64 of PEM. */
  readonly caBundle: string;
  /** Default: reschedule-hook. */
  readonly name?: string;
  /** Overrides fields of each webhook, such as failurePolicy, timeoutSeconds, namespaceSelector. */
  readonly webhook?: Readonly<Record<string, unknown>>;
  /** A namespace of the probe request. Default: default. */
  readonly probeNamespace?: string;
  /** False: does not wait until the API server calls the hook. */
  readonly wait?: boolean;
}

const PATH = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const DEFAULT_NAME = 'reschedule-hook';

/**
 * Registers hooks by URL for evictions. Waits until the API server calls them, which begins a moment after it accepted
 * the registration. A second registration under the same name replaces the first.
 */
export async function registerWebhook(
  client: ApiClient,
  options: RegistrationOptions,
  patience: UntilOptions = {},
): Promise<void> {
  const { name = DEFAULT_NAME, probeNamespace = 'default', wait = true } = options;
  const webhooks = options.urls.map((url) => webhookFor(url, options));
  await client.json({
    method: 'PATCH',
    path: `${PATH}/${name}`,
    query: { fieldManager: 'rehearsal', force: true },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      // Without the label no hook takes it for the registration of an installation.
      metadata: { name, labels: { 'app.kubernetes.io/name': 'reschedule-hook' } },
      webhooks,
    },
  });
  if (!wait) return;
  const names = webhooks.map((webhook) => webhook.name);
  const asked = async () => {
    const answer = await probe(client, probeNamespace);
    if (!names.some((one) => answer === deniedBy(one))) throw new NotYet(`the API server answers: ${answer}`);
  };
  await until('the webhook to be asked', asked, patience);
}

function webhookFor(url: string, { caBundle, webhook }: RegistrationOptions) {
  return {
    // The port shows which hook a response came from, and distinguishes an older registration from this one.
    name: `port-${new URL(url).port}.reschedule-hook.rehearsal`,
    clientConfig: { url, caBundle },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods/eviction'], scope: '*' }],
    admissionReviewVersions: ['v1'],
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    sideEffects: 'NoneOnDryRun',
    timeoutSeconds: 10,
    ...webhook,
  };
}

/** Requests, as a dry run, the eviction of a pod that does not exist. Only a hook responds with this message. */
export async function probe(client: ApiClient, namespace: string): Promise<string> {
  const pod = 'nobody-has-this-name';
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`;
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name: pod } };
  try {
    await client.json({ method: 'POST', path, query: { dryRun: 'All' }, body });
    return 'evicted';
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.message.replace(/^.*?: \d+ /, '');
  }
}

/** How the API server reports a hook's response to `probe`. */
export const deniedBy = (webhook: string) => `admission webhook "${webhook}" denied the request: ${MESSAGES.gone}`;
