import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { type Exit, HookProcess } from '../../../testkit/hook-process.ts';
import { freePorts } from '../../../testkit/ports.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { buildByDockerfile, entryOf } from '../../support/image.ts';
import { evict } from './evict.ts';
import { createReplicaPod, type ReplicaPod } from './kubelet.ts';
import { CONFIG, find, rendered, requestToken, SYSTEM_NAMESPACE } from './manifests.ts';
import type { Rig } from './rig.ts';
import { type LocalService, startService } from './service.ts';

const SERVICE = 'reschedule-hook-server';
const HOST = `${SERVICE}.${SYSTEM_NAMESPACE}.svc`;
/** As on a cluster: the Service sends nothing to a replica before. */
const UPTAKE_MS = 3_000;

/**
 * config/default as it is applied, with processes in place of its containers, which nobody runs here. They run the file
 * of the image, as the Dockerfile makes it, and end by the Deployment's grace. They have the environment of the image and
 * of the Deployment, and the token of the ServiceAccount.
 */
export interface Installation {
  readonly service: LocalService;
  /** Starts one more replica and waits until it is ready. `env`: over all its other settings. */
  startReplica(env?: Readonly<Record<string, string>>): Promise<HookProcess>;
  /** As the kubelet ends a container: SIGTERM, and SIGKILL when the grace is over. */
  endReplica(replica: HookProcess): Promise<Exit>;
  /** Waits until the API server asks the replicas about evictions. */
  untilAsked(): Promise<void>;
}

interface Deployment {
  readonly template: {
    readonly spec: {
      readonly terminationGracePeriodSeconds: number;
      readonly containers: readonly { readonly env: readonly { readonly name: string; readonly value?: string }[] }[];
    };
  };
}

export interface InstallOptions {
  /** Installs the packages of the image, too, and does not take those of this checkout. */
  readonly isWholeImage?: boolean;
}

/** `env`: over the settings of the Deployment. */
export async function install(
  rig: Rig,
  env: Readonly<Record<string, string>> = {},
  { isWholeImage = false }: InstallOptions = {},
): Promise<Installation> {
  const { controlPlane, client } = rig;
  const folder = join(CONFIG, 'default');
  const { code, stderr } = await controlPlane.kubectl(['apply', '--server-side', '-k', folder]);
  if (code !== 0) throw new Error(`kubectl apply: ${stderr}`);
  const service = await startService({ uptakeMs: UPTAKE_MS });
  rig.atStop(() => service.close());
  await leadToLocalhost(rig);

  const deployment = find(await rendered(controlPlane, folder), 'Deployment').spec as unknown as Deployment;
  const token = await requestToken(client, SYSTEM_NAMESPACE, 'reschedule-hook-sa');
  const kubeconfigPath = join(controlPlane.dir, 'installed.kubeconfig');
  await writeFile(kubeconfigPath, kubeconfig(controlPlane.server, controlPlane.caData, token));
  // CERTIFICATES=self: nothing is read from files.
  const files = { certFile: '/nowhere/tls.crt', keyFile: '/nowhere/tls.key' };
  const { terminationGracePeriodSeconds } = deployment.template.spec;
  const dir = await mkdtemp(join(controlPlane.dir, 'image-'));
  const image = (await buildByDockerfile(dir, { link: !isWholeImage })).at(-1);
  if (image === undefined) throw new Error('the Dockerfile makes no image');
  const { nodeArgs, file: entry } = entryOf(image);

  const pods = new Map<HookProcess, ReplicaPod>();
  let started = 0;
  return {
    service,
    async startReplica(more = {}) {
      const [webhook = 0, health = 0] = await freePorts(2);
      const name = `replica-${++started}`;
      const pod = await createReplicaPod({
        client,
        namespace: SYSTEM_NAMESPACE,
        name,
        serviceAccount: 'reschedule-hook-sa',
      });
      // In a cluster it is managed by itself; here nothing says that it is one.
      const here = { POD_NAME: name, SERVICE_PORT: `${service.port}`, REGISTRATION: 'managed' };
      const own = { ...image.env, ...environmentOf(deployment), ...here };
      const settings = { ...own, WEBHOOK_PORT: `${webhook}`, HEALTH_PORT: `${health}`, ...env, ...more };
      const replica = new HookProcess({ kubeconfigPath, files, env: settings, nodeArgs, entry }, { webhook, health });
      rig.atStop(async () => {
        replica.kill('SIGKILL');
        await replica.exited;
        await pod.stop();
      });
      pod.probe(replica);
      pods.set(replica, pod);
      service.add(webhook);
      await replica.start();
      return replica;
    },
    async endReplica(replica) {
      const timer = setTimeout(() => replica.kill('SIGKILL'), terminationGracePeriodSeconds * 1000);
      service.removeSoon(replica.webhookPort);
      replica.kill('SIGTERM');
      const exit = await replica.exited;
      clearTimeout(timer);
      service.remove(replica.webhookPort);
      await pods.get(replica)?.remove();
      return exit;
    },
    untilAsked: () =>
      until('the replicas to be asked', async () => {
        const { message } = await evict({ rig, namespace: 'default' }, 'nobody-has-this-name');
        if (!message.includes(`"${HOST}" denied the request: Pod has been rescheduled`)) throw new NotYet(message);
      }),
  };
}

/** No kube-proxy runs here, but the API server follows a Service of type ExternalName by itself. */
async function leadToLocalhost({ client }: Rig): Promise<void> {
  const services = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/services`;
  await client.json({ method: 'DELETE', path: `${services}/${SERVICE}` });
  const spec = { type: 'ExternalName', externalName: 'localhost' };
  const body = { apiVersion: 'v1', kind: 'Service', metadata: { name: SERVICE }, spec };
  await client.json({ method: 'POST', path: services, body });
}

function environmentOf({ template }: Deployment): Record<string, string> {
  const env = template.spec.containers[0]?.env ?? [];
  return {
    BIND_ADDRESS: '127.0.0.1',
    ...Object.fromEntries(env.map(({ name, value }) => [name, value ?? SYSTEM_NAMESPACE])),
  };
}
