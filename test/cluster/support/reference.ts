import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import { isNotFound } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { connect } from '../../../testkit/connect.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { requestToken } from './manifests.ts';
import type { Rig } from './rig.ts';

const NAMESPACE = 'default';
const SERVICE = 'reschedule-hook-server';
const ACCOUNT = 'reschedule-hook-sa';
const MARK = 'cao.couchbase.com/reschedule';
const MERGE_PATCH = 'application/merge-patch+json';

/**
 * A stand-in for the Go implementation that this one follows. It has objects of its names and of its shape. A server
 * answers by its rules, with the rights of its ServiceAccount. Of the rules it has what a switch depends on: it marks, it
 * remembers a marked pod as `true`, and it reads nothing else as an entry.
 */
export interface Reference {
  /** Its objects, in the order in which they are applied. */
  readonly objects: readonly object[];
  readonly registration: string;
}

interface Answer {
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly message: string };
}

const deny = (code: number, message: string): Answer => ({ allowed: false, status: { code, message } });

/** Starts the server, and applies nothing but its ServiceAccount, whose token it needs. */
export async function startReference(rig: Rig): Promise<Reference> {
  const { controlPlane, authority } = rig;
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: ACCOUNT, namespace: NAMESPACE } };
  await rig.client.json({ method: 'POST', path: `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, body: account });
  const file = join(controlPlane.dir, 'reference.kubeconfig');
  const token = await requestToken(rig.client, NAMESPACE, ACCOUNT);
  await writeFile(file, kubeconfig(controlPlane.server, controlPlane.caData, token), { mode: 0o600 });
  const { client, close } = await connect(file);
  const { cert, key } = await authority.issue({ hosts: [`${SERVICE}.${NAMESPACE}.svc`] });
  const server = createServer({ cert, key }, async (request, response) => {
    const { uid, namespace, name } = JSON.parse(await textOf(request)).request;
    // Whatever fails ends the drain: that is how it is.
    const answer = await answerFor(client, namespace, name).catch((error: Error) => deny(500, error.message));
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, ...answer } };
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(review));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  rig.atStop(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await close();
  });
  const { port } = server.address() as AddressInfo;
  return { registration: 'reschedule-webhook-config', objects: [account, ...objectsFor(port, authority.caBundle)] };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function answerFor(client: ApiClient, namespace: string, name: string): Promise<Answer> {
  const path = podPath(namespace, name);
  const pod = await client.json({ method: 'GET', path }).catch((error) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (pod === undefined) return deny(404, 'Pod has been rescheduled');
  const { labels = {}, annotations = {} } = metadataOf(pod);
  if (labels.app !== 'couchbase') return { allowed: true };
  if (annotations[MARK] === 'true') return deny(429, 'Pod waiting to be rescheduled');
  const tracker = `/apis/couchbase.com/v2/namespaces/${namespace}/couchbaseclusters/${labels.couchbase_cluster}`;
  const key = `reschedule.hook/${namespace}.${name}`;
  const isTracked = metadataOf(await client.json({ method: 'GET', path: tracker })).annotations?.[key] === 'true';
  await annotate(client, tracker, { [key]: isTracked ? null : 'true' });
  if (isTracked) return deny(404, 'Pod has been rescheduled with the same name');
  await annotate(client, path, { [MARK]: 'true' });
  return deny(429, 'Reschedule annotation added to pod');
}

type Texts = Readonly<Record<string, string | undefined>>;

const metadataOf = ({ metadata }: JsonObject) => metadata as { readonly labels?: Texts; readonly annotations?: Texts };

const annotate = (client: ApiClient, path: string, annotations: object) =>
  client.json({ method: 'PATCH', path, contentType: MERGE_PATCH, body: { metadata: { annotations } } });

function objectsFor(port: number, caBundle: string): object[] {
  const rbac = 'rbac.authorization.k8s.io';
  const verbs = ['get', 'patch'];
  const service = { namespace: NAMESPACE, name: SERVICE, path: '/eviction', port };
  return [
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'reschedule-hook-cr' },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs },
        { apiGroups: ['couchbase.com'], resources: ['couchbaseclusters'], verbs },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'reschedule-hook-crb' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'reschedule-hook-cr' },
      subjects: [{ kind: 'ServiceAccount', namespace: NAMESPACE, name: ACCOUNT }],
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: SERVICE, namespace: NAMESPACE },
      spec: { type: 'ExternalName', externalName: 'localhost' },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'reschedule-webhook-config' },
      webhooks: [
        {
          name: `${SERVICE}.${NAMESPACE}.svc`,
          admissionReviewVersions: ['v1'],
          clientConfig: { service, caBundle },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods/eviction'] }],
          sideEffects: 'NoneOnDryRun',
          timeoutSeconds: 10,
        },
      ],
    },
  ];
}
