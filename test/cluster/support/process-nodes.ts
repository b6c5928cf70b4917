import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodePath, podPath } from '../../../src/kube/paths.ts';
import { workerNode } from '../../../testkit/control-plane/nodes.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { HookProcess } from '../../../testkit/hook-process.ts';
import { freePorts } from '../../../testkit/ports.ts';
import { untilTrue } from '../../support/until-true.ts';
import { type Manifest, requestToken } from './manifests.ts';
import type { Rig } from './rig.ts';
import { type LocalService, startService } from './service.ts';

/** What a container of an image runs. */
export interface Program {
  readonly entry: string;
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Nodes on which the containers of Pods are processes of this machine, so that a Deployment is rolled out for real: by the
 * Deployment's controller, the scheduler, probes and graces. A container has the environment of its Pod and the token of
 * its ServiceAccount. What is not real: ports are free ones, and kube-proxy is a LocalService for each namespace.
 */
export interface ProcessNodes {
  /** What stands before the replicas of that namespace. */
  service(namespace: string): Promise<LocalService>;
  /** The manifests as they can be run here: on these nodes, by that image, behind that Service. `env`: over theirs. */
  fit(manifests: readonly Manifest[], image: string, env?: Readonly<Record<string, string>>): Promise<Manifest[]>;
  /** All that ran in that namespace, oldest first. */
  replicas(namespace: string): readonly HookProcess[];
  /** The node stops: its processes are killed, and nobody reports of it any more. */
  kill(node: string): Promise<void>;
}

interface RawPod {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly serviceAccountName: string;
    readonly terminationGracePeriodSeconds: number;
    readonly containers: readonly [{ readonly image: string; readonly env?: readonly Variable[] }];
  };
}

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
}

const SELECTOR = { runs: 'processes' };
/** Other Pods, which nobody would run, are kept away. */
const TAINT = { key: 'runs', value: 'processes', effect: 'NoSchedule' };
const LOOK_EVERY_MS = 250;
const HEARTBEAT_MS = 5_000;
/** As on a cluster, where a kube-proxy learns of a replica a little later. */
const UPTAKE_MS = 3_000;
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const MERGE_PATCH = 'application/merge-patch+json';

/** `programs`: by the name of the image. */
export async function startProcessNodes(
  rig: Rig,
  programs: Readonly<Record<string, Program>>,
  names: readonly string[] = ['process-1', 'process-2'],
): Promise<ProcessNodes> {
  const over = new AbortController();
  const services = new Map<string, Promise<LocalService>>();
  const service = (namespace: string) => {
    const one = services.get(namespace) ?? startService({ uptakeMs: UPTAKE_MS });
    services.set(namespace, one);
    return one;
  };
  const dead = new Set<string>();
  const containers = new Map<string, Container>();
  const tend = async (pod: RawPod) => {
    const { nodeName = '', containers: all } = pod.spec;
    const program = programs[all[0].image];
    if (!names.includes(nodeName) || dead.has(nodeName) || program === undefined) return;
    const { uid, namespace } = pod.metadata;
    const container = containers.get(uid) ?? (await startContainer(rig, pod, program, await service(namespace)));
    containers.set(uid, container);
    // An API server that is busy, or a Pod that is gone: the next look finds it.
    await container.tend(pod).catch(() => undefined);
  };
  const repeat = async (everyMs: number, act: () => Promise<unknown>) => {
    while (!over.signal.aborted) {
      await act().catch(() => undefined);
      await sleep(everyMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  };

  await Promise.all(names.map((name, i) => createNode(rig, name, i)));
  const look = async () => {
    const { items } = await rig.client.json({ method: 'GET', path: '/api/v1/pods' });
    await Promise.all((items as readonly RawPod[]).map(tend));
  };
  const beat = () => Promise.all(names.filter((name) => !dead.has(name)).map((name) => renew(rig, name)));
  const running = Promise.all([repeat(LOOK_EVERY_MS, look), repeat(HEARTBEAT_MS, beat)]);
  rig.atStop(async () => {
    over.abort();
    await running;
    await Promise.all([...containers.values()].map((one) => one.kill()));
    for (const one of services.values()) await (await one).close();
  });
  await untilUntainted(rig, names);
  return {
    service,
    replicas: (namespace) =>
      [...containers.values()].filter((one) => one.namespace === namespace).map(({ hook }) => hook),
    async kill(node) {
      dead.add(node);
      await Promise.all([...containers.values()].filter((one) => one.node === node).map((one) => one.kill()));
    },
    fit: (manifests, image, env = {}) =>
      Promise.all(
        manifests.map(async (one) => {
          const { namespace = '' } = one.metadata;
          if (one.kind === 'Deployment') {
            return fitDeployment(one, image, { SERVICE_PORT: `${(await service(namespace)).port}`, ...env });
          }
          if (one.kind === 'Service') return { ...one, spec: { type: 'ExternalName', externalName: 'localhost' } };
          return one;
        }),
      ),
  };
}

/** A process in the place of the container of a Pod. */
interface Container {
  readonly hook: HookProcess;
  readonly namespace: string;
  readonly node: string;
  /** Does what the Pod, as it is now, asks for, and reports of it. */
  tend(pod: RawPod): Promise<void>;
  kill(): Promise<void>;
}

async function startContainer(rig: Rig, pod: RawPod, program: Program, service: LocalService): Promise<Container> {
  const { client } = rig;
  const { namespace, name, uid } = pod.metadata;
  const { nodeName = '', terminationGracePeriodSeconds } = pod.spec;
  const hook = await processFor(rig, pod, program);
  const path = podPath(namespace, name);
  let ending: Promise<void> | undefined;
  let isReady: boolean | undefined;
  const end = async () => {
    service.removeSoon(hook.webhookPort);
    const timer = setTimeout(() => hook.kill('SIGKILL'), terminationGracePeriodSeconds * 1000);
    hook.kill('SIGTERM');
    await hook.exited;
    clearTimeout(timer);
    service.remove(hook.webhookPort);
    const body = { preconditions: { uid }, gracePeriodSeconds: 0 };
    await client.json({ method: 'DELETE', path, body }).catch(() => undefined);
  };
  const report = async () => {
    const next = await fetch(`${hook.healthUrl}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (next === isReady) return;
    const lastTransitionTime = new Date().toISOString().replace(/\.\d+/, '');
    const status = next ? 'True' : 'False';
    const conditions = ['Ready', 'ContainersReady'].map((type) => ({ type, status, lastTransitionTime }));
    const contentType = 'application/strategic-merge-patch+json';
    const body = { status: { phase: 'Running', startTime: lastTransitionTime, conditions } };
    await client.json({ method: 'PATCH', path: `${path}/status`, contentType, body });
    isReady = next;
  };
  // That it is ready, or has ended, is seen by its probe.
  hook.start().catch(() => undefined);
  service.add(hook.webhookPort);
  return {
    hook,
    namespace,
    node: nodeName,
    async tend({ metadata }) {
      if (metadata.deletionTimestamp === undefined) await report();
      // Nobody waits for it here: other Pods are looked at meanwhile.
      else ending ??= end();
    },
    async kill() {
      hook.kill('SIGKILL');
      await hook.exited;
      service.remove(hook.webhookPort);
      await ending;
    },
  };
}

async function processFor({ client, controlPlane }: Rig, pod: RawPod, program: Program): Promise<HookProcess> {
  const { namespace, name } = pod.metadata;
  const { serviceAccountName, containers } = pod.spec;
  const token = await requestToken(client, namespace, serviceAccountName);
  const kubeconfigPath = join(controlPlane.dir, `${namespace}.${name}.kubeconfig`);
  await writeFile(kubeconfigPath, kubeconfig(controlPlane.server, controlPlane.caData, token), { mode: 0o600 });
  const [webhook = 0, health = 0] = await freePorts(2);
  const fields: Record<string, string> = { 'metadata.name': name, 'metadata.namespace': namespace };
  const own = (containers[0].env ?? []).map(({ name, value, valueFrom }) => {
    return [name, value ?? fields[valueFrom?.fieldRef.fieldPath ?? ''] ?? ''] as const;
  });
  // In a cluster it is managed by itself; here nothing says that it is one.
  const here = { BIND_ADDRESS: '127.0.0.1', WEBHOOK_PORT: `${webhook}`, HEALTH_PORT: `${health}` };
  const env = { ...program.env, REGISTRATION: 'managed', ...Object.fromEntries(own), ...here };
  const files = { certFile: '/nowhere/tls.crt', keyFile: '/nowhere/tls.key' };
  const { entry, nodeArgs = [] } = program;
  return new HookProcess({ kubeconfigPath, files, env, entry, nodeArgs }, { webhook, health });
}

function fitDeployment(deployment: Manifest, image: string, own: Readonly<Record<string, string>>): Manifest {
  const { template, ...spec } = deployment.spec as {
    template: { spec: { containers: readonly { env: readonly Variable[] }[] } };
  };
  const added = Object.entries(own).map(([name, value]) => ({ name, value }));
  const containers = template.spec.containers.map((one) => ({
    ...one,
    image,
    env: [...one.env.filter(({ name }) => !(name in own)), ...added],
  }));
  const podSpec = { ...template.spec, nodeSelector: SELECTOR, tolerations: [TAINT], containers };
  return { ...deployment, spec: { ...spec, template: { ...template, spec: podSpec } } };
}

const microTime = () => new Date().toISOString().replace('Z', '000Z');

async function renew({ client }: Rig, name: string): Promise<void> {
  const body = { spec: { renewTime: microTime() } };
  await client.json({ method: 'PATCH', path: `${LEASES}/${name}`, contentType: MERGE_PATCH, body });
}

async function createNode({ client }: Rig, name: string, index: number): Promise<void> {
  const { metadata, ...node } = workerNode(name, index);
  // KWOK takes those of its own type.
  const { type: _, ...labels } = metadata.labels as Record<string, string>;
  const body = { ...node, metadata: { ...metadata, labels: { ...labels, ...SELECTOR } }, spec: { taints: [TAINT] } };
  await client.json({ method: 'POST', path: '/api/v1/nodes', body });
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime() };
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name }, spec };
  await client.json({ method: 'POST', path: LEASES, body: lease });
  const now = new Date().toISOString().replace(/\.\d+/, '');
  const ready = { type: 'Ready', status: 'True', reason: 'Ready', lastHeartbeatTime: now, lastTransitionTime: now };
  await client.json({
    method: 'PATCH',
    path: `${nodePath(name)}/status`,
    contentType: MERGE_PATCH,
    body: { status: { ...node.status, conditions: [ready] } },
  });
}

const untilUntainted = ({ client }: Rig, names: readonly string[]) =>
  untilTrue('the nodes to be ready', async () => {
    const nodes = await Promise.all(names.map((name) => client.json({ method: 'GET', path: nodePath(name) })));
    return nodes.every(({ spec }) => (spec as { taints?: readonly object[] }).taints?.length === 1);
  });
