import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { namespaces } from '../../../src/config/parsers.ts';
import type { JsonObject } from '../../../src/kube/client.ts';
import { REGISTRATIONS } from '../../../src/kube/paths.ts';
import { type PermissionSettings, permissionsOf } from '../../../src/kube/permissions.ts';
import { MESSAGES } from '../../../src/policy/decision.ts';
import { couchbaseCluster } from '../../../src/policy/tracking/couchbasecluster.ts';
import { scopeOf } from '../../../src/registration/scope.ts';
import { webhookOf } from '../../../src/registration/wanted-webhook.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { createNamespace } from '../../../testkit/couchbase/workload.ts';
import { HookProcess } from '../../../testkit/hook-process.ts';
import { freePorts } from '../../../testkit/ports.ts';
import { untilTrue } from '../../support/until-true.ts';
import { evict } from './evict.ts';
import { createReplicaPod, type ReplicaPod } from './kubelet.ts';
import { HOOK_LABEL, type Rig } from './rig.ts';
import { type LocalService, startService } from './service.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const SERVICE = 'reschedule-hook-server';
const SECRET = 'reschedule-hook-ca';
/** A kubelet would write new tokens to a file; these last longer than any test. */
const YEAR_S = 365 * 24 * 3600;

/** What a replica takes for the API server, and the authority of that, PEM; by default itself. */
export interface Trusted {
  readonly server?: string;
  readonly ca?: string;
}

/** An installation whose hooks make their certificates themselves, in a namespace of its own, with the rights of its own. */
export interface SelfKept {
  /** Of the Service, and the name of the registration. */
  readonly name: string;
  /** What stands before the replicas, as kube-proxy does. */
  readonly service: LocalService;
  /** Not started yet, with a Pod of its own. It ends with the rig. `trusted`: over `approach`. */
  replica(env?: Record<string, string>, trusted?: Trusted, nodeArgs?: readonly string[]): Promise<HookProcess>;
  /** The Pod of a replica goes, as with its Deployment. */
  forget(replica: HookProcess): Promise<void>;
  /** Applies the manifest, which has no webhooks, as kubectl does it. */
  register(): Promise<void>;
  /** Has somebody write webhooks with this caBundle, PEM. */
  overwrite(caBundle: string): Promise<void>;
  /** Waits until the API server, which trusts what the registration carries, gets an answer. */
  untilAsked(): Promise<void>;
  registration(): Promise<JsonObject>;
  /** The caBundles of its webhooks, as PEM. */
  bundles(): Promise<string[]>;
  /** The data of the Secret, decoded; undefined where there is none. */
  secret(): Promise<Record<string, string> | undefined>;
  readonly secretPath: string;
  readonly registrationPath: string;
}

/** Over those that every replica has. */
type Needs = Partial<PermissionSettings>;

/**
 * The API server finds the Service's name in the certificate, and the hook on loopback: that is what ExternalName is for.
 * `approach`: what the replicas take for the API server, where it is not itself, and what they need to be allowed.
 */
export async function aSelfKept(
  rig: Rig,
  name: string,
  { needs = {}, ...approach }: Trusted & { readonly needs?: Needs } = {},
): Promise<SelfKept> {
  const { client, controlPlane } = rig;
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
  const token = await aToken(rig, name, needs);
  const service = await startService();
  rig.atStop(() => service.close());
  const pods = new Map<HookProcess, ReplicaPod>();
  let started = 0;
  let isProbed = false;
  return {
    name,
    service,
    secretPath,
    registrationPath,
    async replica(env = {}, trusted = {}, nodeArgs = []) {
      const { server = controlPlane.server, ca = controlPlane.caData } = { ...approach, ...trusted };
      const podName = `${name}-${++started}`;
      const [webhook = 0, health = 0] = await freePorts(2);
      const kubeconfigPath = join(controlPlane.dir, `${podName}.kubeconfig`);
      await writeFile(kubeconfigPath, kubeconfig(server, ca, token), { mode: 0o600 });
      const pod = await createReplicaPod({ client, namespace: name, name: podName, serviceAccount: name });
      const own = {
        CERTIFICATES: 'self',
        REGISTRATION: 'managed',
        POD_NAMESPACE: name,
        POD_NAME: podName,
        WEBHOOK_CONFIGURATION: name,
        SERVICE_PORT: `${service.port}`,
        PROTECT_NAMESPACES: `${HOOK_LABEL}=${name}`,
      };
      const files = { certFile: '/nowhere/tls.crt', keyFile: '/nowhere/tls.key' };
      const options = { kubeconfigPath, files, env: { ...own, ...env }, nodeArgs };
      const hook = new HookProcess(options, { webhook, health });
      rig.atStop(async () => void (await Promise.all([hook.stop(), pod.stop()])));
      pod.probe(hook);
      pods.set(hook, pod);
      service.add(webhook);
      return hook;
    },
    async forget(replica) {
      service.remove(replica.webhookPort);
      await pods.get(replica)?.remove();
    },
    async register() {
      await client.json({
        method: 'PATCH',
        path: registrationPath,
        query: { fieldManager: 'kubectl', force: true },
        contentType: 'application/apply-patch+yaml',
        body: shellOf(name),
      });
    },
    async overwrite(caBundle) {
      await client.json({
        method: 'PATCH',
        path: registrationPath,
        query: { fieldManager: 'somebody' },
        contentType: 'application/merge-patch+json',
        body: { webhooks: [webhookWith(name, service.port, caBundle)] },
      });
    },
    async untilAsked() {
      const namespace = `${name}-probe`;
      if (!isProbed) await createNamespace(client, namespace, { [HOOK_LABEL]: name });
      isProbed = true;
      await untilTrue('the hook to be asked', async () => {
        const { message } = await evict({ rig, namespace }, 'nobody');
        return message.endsWith(`denied the request: ${MESSAGES.gone}`);
      });
    },
    registration: () => client.json({ method: 'GET', path: registrationPath }),
    async bundles() {
      const { webhooks } = await client.json({ method: 'GET', path: registrationPath });
      return ((webhooks ?? []) as { clientConfig: { caBundle?: string } }[]).map(({ clientConfig }) =>
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

const shellOf = (name: string) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name, labels: { 'app.kubernetes.io/name': 'reschedule-hook', 'reschedule.hook/namespace': name } },
});

function webhookWith(name: string, port: number, caBundle: string) {
  const { text, selector } = namespaces(`${HOOK_LABEL}=${name}`);
  const scope = scopeOf(text, selector, name).namespaces([]) ?? [];
  const service = { namespace: name, name: SERVICE, port };
  const webhook = webhookOf({ service, failurePolicy: 'Fail', namespaces: scope });
  return {
    ...webhook,
    clientConfig: { ...webhook.clientConfig, caBundle: Buffer.from(caBundle).toString('base64') },
  };
}

/** The token of a ServiceAccount that may do exactly what the hook says that it does. */
async function aToken({ client }: Rig, name: string, needs: Needs): Promise<string> {
  const own = { ownSecret: { namespace: name, name: SECRET }, ownRegistration: name };
  const rules = permissionsOf({ tracking: couchbaseCluster, ...needs, ...own }).map((one) => ({
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
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: YEAR_S } };
  const answer = await client.json({ method: 'POST', path: `${home}/serviceaccounts/${name}/token`, body: request });
  return (answer.status as { token: string }).token;
}
