import type { ApiClient } from '../src/kube/client.ts';
import { ApiError } from '../src/kube/errors.ts';
import { MESSAGES } from '../src/policy/decision.ts';
import { NotYet, type UntilOptions, until } from './until.ts';

export interface RegistrationOptions {
  /** One for each webhook: the API server asks all of them about every eviction. */
  readonly urls: readonly string[];
  /** Base64 of PEM. */
  readonly caBundle: string;
  /** Default: reschedule-hook. */
  readonly name?: string;
  /** Over the fields of each webhook, such as failurePolicy, timeoutSeconds, namespaceSelector. */
  readonly webhook?: Readonly<Record<string, unknown>>;
  /** A namespace that the webhook is asked about. Default: default. */
  readonly probeNamespace?: string;
  /** False: does not wait until the hook is asked. */
  readonly wait?: boolean;
}

const PATH = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const DEFAULT_NAME = 'reschedule-hook';

/**
 * Registers hooks by URL for evictions, and waits until the API server asks them, which is a moment after it has taken
 * the registration. Registering again under the same name replaces what was there.
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
      metadata: { name },
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
    // The port tells which hook an answer came from, and an older registration from this one.
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

/** Asks, as a dry run, for the eviction of a pod that does not exist: only a hook answers that in these words. */
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

/** How the API server tells what a hook answers to `probe`. */
export const deniedBy = (webhook: string) => `admission webhook "${webhook}" denied the request: ${MESSAGES.gone}`;
