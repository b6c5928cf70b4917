import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { type Authority, createAuthority } from '../../../../testkit/certificates.ts';
import type { Api } from './contract.ts';

const PATH = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

// biome-ignore lint/suspicious/noExplicitAny: a review as it comes
type Review = any;

export interface Webhook {
  /** What it was asked, the newest last; what `isAsked` asks is not among them. */
  readonly asked: { readonly request: Review['request']; readonly url: string }[];
  readonly name: string;
  readonly url: string;
  /** Of its registration. */
  readonly path: string;
  /** How many were opened to it so far. */
  connections(): number;
}

export interface WebhookOptions {
  /** In front of its name, where a case has several. */
  readonly prefix?: string;
  /** The response to a review, without its UID. Default: deny with 429. */
  readonly respond?: (request: Review) => object | Promise<object>;
  /** The HTTP status. Default 200. */
  readonly status?: number;
  /** Over the fields of the registration. */
  readonly registration?: object;
  /** An authority that did not sign its certificate. */
  readonly isForeign?: boolean;
}

export const DENIED = {
  allowed: false,
  status: { code: 429, reason: 'TooManyRequests', message: 'Pod waiting to be rescheduled' },
};
const PROBE = 'contract-probe';

/** A webhook of its own for the evictions of a case's namespace, which is being asked once this resolves. */
export async function startWebhook(api: Api, options: WebhookOptions = {}): Promise<Webhook> {
  const { prefix = '', respond = () => DENIED, status = 200, registration = {}, isForeign = false } = options;
  const authority = await createAuthority();
  const asked: Webhook['asked'] = [];
  let isProbed = false;
  const server = createServer(await authority.issue(), async (request, response) => {
    const { request: review } = (await json(request)) as Review;
    if (review.name === PROBE) isProbed = true;
    else asked.push({ request: review, url: request.url ?? '' });
    const answer = { uid: review.uid, ...(await respond(review)) };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
  });
  let connections = 0;
  server.on('secureConnection', () => void connections++);
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/eviction`;
  const name = `${prefix}${api.namespace}.contract.test`;
  const trusted = isForeign ? await createAuthority() : authority;
  api.atEnd(async () => {
    await api.call('DELETE', `${PATH}/${name}`);
    server.close();
    server.closeAllConnections();
  });
  await register(api, name, url, trusted, registration);
  // A dry run of nobody's eviction: without the webhook it is a 404 of the API server's own.
  await api.until(async () => {
    const { code, body } = await api.evict(PROBE, { query: '?dryRun=All' });
    return isProbed || (code !== 404 && /webhook/.test(body.message ?? ''));
  });
  return { asked, name, url, path: `${PATH}/${name}`, connections: () => connections };
}

async function register(api: Api, name: string, url: string, { caBundle }: Authority, more: object): Promise<void> {
  const webhook = {
    name,
    clientConfig: { url, caBundle },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods/eviction'] }],
    admissionReviewVersions: ['v1'],
    sideEffects: 'NoneOnDryRun',
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': api.namespace } },
    timeoutSeconds: 10,
    ...more,
  };
  const { code, body } = await api.call('POST', PATH, { body: { metadata: { name }, webhooks: [webhook] } });
  if (code !== 201) throw new Error(body.message);
}
