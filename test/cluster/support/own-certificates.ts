import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../../src/kube/client.ts';
import { REGISTRATIONS } from '../../../src/kube/paths.ts';
import { permissionsOf } from '../../../src/kube/permissions.ts';
import { MESSAGES } from '../../../src/policy/decision.ts';
import { couchbaseCluster } from '../../../src/policy/tracking/couchbasecluster.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { createNamespace } from '../../../testkit/couchbase/workload.ts';
import { HookProcess } from '../../../testkit/hook-process.ts';
import { freePorts } from '../../../testkit/ports.ts';
import { untilTrue } from '../../support/until-true.ts';
import { evict } from './evict.ts';
import { HOOK_LABEL, type Rig } from './rig.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const SERVICE = 'reschedule-hook-server';
const SECRET = 'reschedule-hook-ca';

/** An installation whose hooks make their certificates themselves, in a namespace of its own, with the rights of its own. */
export interface SelfKept {
  /** Of the Service, and the name of the registration. */
  readonly name: string;
  /** Not started yet. It ends with the rig. */
  replica(env?: Record<string, string>): Promise<HookProcess>;
  /** Registers the replicas by the Service, each by its port, with this caBundle or none. Applied, as kubectl does it. */
  register(replicas: readonly HookProcess[], caBundle?: string): Promise<void>;
  /** Waits until the API server, which trusts what the registration carries, gets an answer of every replica. */
  untilAsked(): Promise<void>;
  registration(): Promise<JsonObject>;
  /** The caBundles of its webhooks, as PEM. */
  bundles(): Promise<string[]>;
  /** The data of the Secret, decoded; undefined where there is none. */
  secret(): Promise<Record<string, string> | undefined>;
  readonly secretPath: string;
  readonly registrationPath: string;
}

/**
 * The API server finds the Service's name in the certificate, and the hook on loopback: that is what ExternalName is for.
 * `approach`: what the replicas take for the API server, where it is not itself.
 */
export async function aSelfKept(
  rig: Rig,
  name: string,
  approach: { readonly server?: string; readonly ca?: string } = {},
): Promise<SelfKept> {
  const { client, controlPlane } = rig;
  const { server = controlPlane.server, ca = controlPlane.caData } = approach;
  const home = `/api/v1/namespaces/${name}`;
  const registrationPath = `${REGISTRATIONS}/${name}`;
  const secretPath = `${home}/secrets/${SECRET}`;
  await createNamespace(client, name);
  const spec = { type: 'ExternalName', externalName: 'localhost' };
  await client.json({
    method: 'POST',
    path: `${home}/services`,
    body: { apiVersion: 'v1', kind: 'Service', metadata: { name: SERVICE }, spec },
  });
  const token = await aToken(rig, name);
  let started = 0;
  return {
    name,
    secretPath,
    registrationPath,
    async replica(env = {}) {
      const [webhook = 0, health = 0] = await freePorts(2);
      const kubeconfigPath = join(controlPlane.dir, `${name}-${++started}.kubeconfig`);
      await writeFile(kubeconfigPath, kubeconfig(server, ca, token), { mode: 0o600 });
      const own = { CERTIFICATES: 'self', POD_NAMESPACE: name, WEBHOOK_CONFIGURATION: name };
      const files = { certFile: '/nowhere/tls.crt', keyFile: '/nowhere/tls.key' };
      const options = { kubeconfigPath, files, env: { ...own, ...env }, timeoutMs: 120_000 };
      const hook = new HookProcess(options, { webhook, health });
      rig.atStop(async () => void (await hook.stop()));
      return hook;
    },
    async register(replicas, caBundle) {
      await client.json({
        method: 'PATCH',
        path: registrationPath,
        query: { fieldManager: 'kubectl', force: true },
        contentType: 'application/apply-patch+yaml',
        body: registrationOf(name, replicas, caBundle),
      });
    },
    async untilAsked() {
      const namespace = `${name}-probe`;
      await createNamespace(client, namespace, { [HOOK_LABEL]: name });
      await untilTrue('the hook to be asked', async () => {
        const { message } = await evict({ rig, namespace }, 'nobody');
        return message.endsWith(`denied the request: ${MESSAGES.gone}`);
      });
    },
    registration: () => client.json({ method: 'GET', path: registrationPath }),
    async bundles() {
      const { webhooks } = await client.json({ method: 'GET', path: registrationPath });
      return (webhooks as { clientConfig: { caBundle?: string } }[]).map(({ clientConfig }) =>
        decode(clientConfig.caBundle),
      );
    },
    async secret() {
      const list = await client.json({ method: 'GET', path: `${home}/secrets` });
      const all = list.items as { metadata: { name: string }; data?: Record<string, string> }[];
      const found = all.find(({ metadata }) => metadata.name === SECRET);
      return found && Object.fromEntries(Object.entries(found.data ?? {}).map(([key, value]) => [key, decode(value)]));
    },
  };
}

const decode = (base64 = '') => Buffer.from(base64, 'base64').toString();

function registrationOf(name: string, replicas: readonly HookProcess[], caBundle: string | undefined) {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: replicas.map(({ webhookPort }) => ({
      name: `port-${webhookPort}.reschedule.hook`,
      clientConfig: {
        service: { namespace: name, name: SERVICE, path: '/eviction', port: webhookPort },
        ...(caBundle === undefined ? {} : { caBundle: Buffer.from(caBundle).toString('base64') }),
      },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods/eviction'] }],
      namespaceSelector: { matchLabels: { [HOOK_LABEL]: name } },
      admissionReviewVersions: ['v1'],
      failurePolicy: 'Fail',
      sideEffects: 'NoneOnDryRun',
      timeoutSeconds: 10,
    })),
  };
}

/** The token of a ServiceAccount that may do exactly what the hook says that it does. */
async function aToken({ client }: Rig, name: string): Promise<string> {
  const ownCertificates = { namespace: name, secret: SECRET, registration: name };
  const rules = permissionsOf({ tracking: couchbaseCluster, ownCertificates }).map((one) => ({
    apiGroups: [one.group],
    resources: [one.resource],
    verbs: [one.verb],
    ...(one.name === undefined ? {} : { resourceNames: [one.name] }),
    isNamespaced: one.namespace !== undefined,
  }));
  const home = `/api/v1/namespaces/${name}`;
  const metadata = { name };
  const subjects = [{ kind: 'ServiceAccount', namespace: name, name }];
  const create = (path: string, body: object) => client.json({ method: 'POST', path, body: { metadata, ...body } });
  await create(`${home}/serviceaccounts`, {});
  for (const [kind, path, isNamespaced] of [
    ['ClusterRole', RBAC, false],
    ['Role', `${RBAC}/namespaces/${name}`, true],
  ] as const) {
    const own = rules.filter((rule) => rule.isNamespaced === isNamespaced).map(({ isNamespaced: _, ...rule }) => rule);
    await create(`${path}/${kind.toLowerCase()}s`, { rules: own });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name };
    await create(`${path}/${kind.toLowerCase()}bindings`, { roleRef, subjects });
  }
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
  const answer = await client.json({ method: 'POST', path: `${home}/serviceaccounts/${name}/token`, body: request });
  return (answer.status as { token: string }).token;
}
