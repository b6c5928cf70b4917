/**
 * A real control plane on this machine: etcd, API server, scheduler and controller-manager, with KWOK as the kubelets.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../ports.ts';
import { type ApiClient, apiClient } from './api-client.ts';
import { type Assets, ensureAssets } from './assets.ts';
import {
  apiServerArgs,
  controllerManagerArgs,
  etcdArgs,
  kwokArgs,
  managedNodeLabel,
  schedulerArgs,
  schedulerConfig,
} from './components.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';
import { nodesNotReady, workerNode } from './nodes.ts';
import { kubeconfig, makePki, type Pki, type User, users } from './pki.ts';
import { type Component, type ComponentFailed, type Supervisor, startSupervisor } from './supervisor.ts';

export interface ControlPlaneOptions {
  /** Worker nodes, named node-1 to node-N. Default 3. */
  readonly nodes?: number;
  /** Default: the result of `ensureAssets`, which may build them. */
  readonly assets?: Assets;
  /** Added to the API server's command line, after the flags set here. */
  readonly apiServerArgs?: readonly string[];
  /** How often to start a scheduler again that ended itself. Default 3. */
  readonly schedulerRestarts?: number;
  readonly log?: (line: string) => void;
  /** Aborts the start. All is cleaned up before the rejection. No effect once started. */
  readonly signal?: AbortSignal;
  /** Keep the folder if a component fails. Default: whether KEEP_CLUSTER_LOGS is set. */
  readonly keepLogs?: boolean;
}

export interface ApiServer {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly pid: number;
  /** SIGKILL; clients see refused connections. */
  stop(): Promise<void>;
  /** Starts it on the same port with the same data. Resolves when it is ready. */
  start(): Promise<void>;
}

export interface AddedApiServer {
  /** Of another version. Default: those of the control plane. */
  readonly assets?: Assets;
  /** Where it finds etcd, such as a proxy before it. Default: etcd itself. */
  readonly etcdUrl?: string;
}

export interface ControlPlane {
  /** Kubeconfig of a cluster administrator (group system:masters), mode 0600. */
  readonly kubeconfigPath: string;
  /** The same rights under another name, for a hook. */
  readonly hookUser: { readonly name: string; readonly kubeconfigPath: string };
  /** https://127.0.0.1:PORT */
  readonly server: string;
  /** http://127.0.0.1:PORT of etcd, which needs no authentication. */
  readonly etcdUrl: string;
  /** PEM of the API server's certificate authority. */
  readonly caData: string;
  /** Bearer token of the same administrator. */
  readonly adminToken: string;
  readonly assets: Assets;
  /** Names of the worker nodes. */
  readonly nodes: readonly string[];
  /** The folder of all files, logs included (NAME.log). `stop` removes it. */
  readonly dir: string;
  readonly kubectl: Kubectl;
  /** Another kubectl against this control plane. */
  kubectlFrom(file: string): Kubectl;
  readonly apiServer: ApiServer;
  /** Starts another API server on the same etcd, which nothing but a test asks. */
  addApiServer(options?: AddedApiServer): Promise<ApiServer>;
  /** Process ids of the components, by name. */
  pids(): Readonly<Record<string, number>>;
  /** Settles when a component ends unexpectedly, with its last log lines. The caller must still call `stop`. */
  readonly failed: Promise<ComponentFailed>;
  /** Removes another file together with the control plane, even if this process is killed. */
  removeAtStop(path: string): void;
  /** Ends all processes, waits for their end, and removes all files. Idempotent. */
  stop(): Promise<void>;
}

/** Where the machine has much else to do, a start takes minutes. */
const startTimeoutMs = 300_000;
const pollEveryMs = 40;

/**
 * Starts the control plane, and waits until its nodes are Ready and pods can be created. Nothing survives the calling
 * process, however it ends.
 * @throws ComponentFailed with the last log lines; AssetsUnavailable.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { log = () => {}, signal } = options;
  const assets = options.assets ?? (await ensureAssets({ log, ...(signal && { signal }) }));
  const keepAfterFailure = options.keepLogs ?? Boolean(process.env.KEEP_CLUSTER_LOGS);

  signal?.throwIfAborted();
  const supervisor = startSupervisor({ keepAfterFailure });
  try {
    return await bringUp(supervisor, assets, options);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

async function bringUp(supervisor: Supervisor, assets: Assets, options: ControlPlaneOptions): Promise<ControlPlane> {
  const { dir } = supervisor;
  const { schedulerRestarts = 3 } = options;
  const log = options.log ?? (() => {});
  const startedAt = Date.now();
  const until = waiter(supervisor, options.signal);

  const [etcdPort, apiPort] = (await freePorts(2)) as [number, number];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const server = `https://127.0.0.1:${apiPort}`;
  const running = new Map<string, Component>();
  let apiServers = 1;
  const run = (name: string, file: string, args: readonly string[]) =>
    running.set(name, supervisor.run(name, file, args));

  run('etcd', assets.etcd, etcdArgs(dir, etcdUrl));
  const pki = await makePki(dir);
  const kubeconfigs = writeKubeconfigs(dir, server, pki);
  await until('etcd', 'healthy', async () => ((await fetchOk(`${etcdUrl}/health`)) ? undefined : 'does not answer'));

  const api = apiClient(server, pki.caData, pki.tokens.admin);
  const apiServerAt = (name: string, port: number, { kubeApiserver }: Assets, etcd: string): ApiServer => ({
    port,
    get pid() {
      return running.get(name)?.pid ?? 0;
    },
    stop: async () => running.get(name)?.stop(),
    async start() {
      run(name, kubeApiserver, [...apiServerArgs(dir, port, etcd, pki), ...(options.apiServerArgs ?? [])]);
      const asked = port === apiPort ? api : apiClient(`https://127.0.0.1:${port}`, pki.caData, pki.tokens.admin);
      await until(name, 'ready', async () => {
        const { status } = await asked.call('GET', '/readyz');
        return status === 200 ? undefined : `/readyz answers ${status || 'nothing'}`;
      });
    },
  });
  const apiServer = apiServerAt('kube-apiserver', apiPort, assets, etcdUrl);
  await apiServer.start();
  log(`API server ready at ${server} after ${Date.now() - startedAt} ms`);

  const schedulerFile = join(dir, 'scheduler.json');
  writeFileSync(schedulerFile, schedulerConfig(kubeconfigs.scheduler));
  run(
    'kube-controller-manager',
    assets.kubeControllerManager,
    controllerManagerArgs(kubeconfigs.controllerManager, pki),
  );
  const startKwok = () => run('kwok', assets.kwok, kwokArgs(kubeconfigs.kubelet));
  startKwok();
  // After an outage of the API server it can find its cache wrong. It then ends itself, so that a kubelet starts it
  // again.
  let restarts = 0;
  const startScheduler = () =>
    running.set(
      'kube-scheduler',
      supervisor.run('kube-scheduler', assets.kubeScheduler, schedulerArgs(schedulerFile), () => {
        if (restarts++ === schedulerRestarts) return false;
        startScheduler();
        return true;
      }),
    );
  startScheduler();

  const nodes = await registerNodes(api, options.nodes ?? 3);
  await until('kube-controller-manager', 'serving', () => clusterTrouble(api, nodes.length));
  log(`${nodes.length} nodes ready after ${Date.now() - startedAt} ms`);

  return {
    kubeconfigPath: kubeconfigs.admin,
    hookUser: { name: users.hook.user, kubeconfigPath: kubeconfigs.hook },
    server,
    etcdUrl,
    caData: pki.caData,
    adminToken: pki.tokens.admin,
    assets,
    nodes,
    dir,
    kubectl: kubectlFor(assets.kubectl, kubeconfigs.admin, supervisor),
    kubectlFrom: (file) => kubectlFor(file, kubeconfigs.admin, supervisor),
    apiServer: {
      port: apiPort,
      get pid() {
        return apiServer.pid;
      },
      stop: () => apiServer.stop(),
      async start() {
        await apiServer.start();
        await running.get('kwok')?.stop();
        // A call that the end of the API server cut off, it does not make again: a pod would stay Pending, or terminating.
        const leases = await forgetLeases(api);
        startKwok();
        await until('kwok', 'playing the kubelets', () => leasesMissing(api, leases));
      },
    },
    async addApiServer(added = {}) {
      const [port] = (await freePorts(1)) as [number];
      const another = apiServerAt(
        `kube-apiserver-${++apiServers}`,
        port,
        added.assets ?? assets,
        added.etcdUrl ?? etcdUrl,
      );
      await another.start();
      return another;
    },
    pids: () => Object.fromEntries([...running].map(([name, { pid }]) => [name, pid])),
    failed: supervisor.failed,
    removeAtStop: supervisor.removeAtStop,
    stop: supervisor.stop,
  };
}

function writeKubeconfigs(dir: string, server: string, pki: Pki): Record<User, string> {
  const write = (user: User) => {
    const path = join(dir, `${user}.kubeconfig`);
    writeFileSync(path, kubeconfig(server, pki.caData, pki.tokens[user]), { mode: 0o600 });
    return path;
  };
  return {
    admin: write('admin'),
    hook: write('hook'),
    kubelet: write('kubelet'),
    scheduler: write('scheduler'),
    controllerManager: write('controllerManager'),
  };
}

async function registerNodes(api: ApiClient, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `node-${index + 1}`);
  const answers = await Promise.all(
    names.map((name, index) => api.call('POST', '/api/v1/nodes', workerNode(name, index))),
  );
  const refused = answers.find(({ status }) => status !== 201);
  if (refused !== undefined) throw new Error(`a node was not accepted: ${JSON.stringify(refused)}`);
  return names;
}

/** Pods can be created once the default service account exists, and can run once the nodes are usable. */
async function clusterTrouble(api: ApiClient, nodeCount: number): Promise<string | undefined> {
  const account = await api.call('GET', '/api/v1/namespaces/default/serviceaccounts/default');
  if (account.status !== 200) return 'the default service account does not exist';
  const nodes = await api.call('GET', '/api/v1/nodes');
  return nodesNotReady(nodes.body, nodeCount);
}

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

/** KWOK leaves its leases behind, and the next one would wait for their end, 40 s. Returns their paths. */
async function forgetLeases(api: ApiClient): Promise<readonly string[]> {
  const { key, value } = managedNodeLabel;
  const { body } = await api.call('GET', `/api/v1/nodes?labelSelector=${key}%3D${value}`);
  const nodes = (body as { readonly items?: readonly { readonly metadata: { readonly name: string } }[] }).items ?? [];
  const leases = nodes.map(({ metadata }) => `${LEASES}/${metadata.name}`);
  await Promise.all(leases.map((lease) => api.call('DELETE', lease)));
  return leases;
}

async function leasesMissing(api: ApiClient, leases: readonly string[]): Promise<string | undefined> {
  const answers = await Promise.all(leases.map((lease) => api.call('GET', lease)));
  const missing = answers.filter(({ status }) => status !== 200).length;
  return missing === 0 ? undefined : `${missing} of ${leases.length} leases are missing`;
}

type Until = (component: string, what: string, trouble: () => Promise<string | undefined>) => Promise<void>;

/** Polls until no trouble is left. Ends early if a component dies or the caller aborts. */
function waiter(supervisor: Supervisor, signal: AbortSignal | undefined): Until {
  return async (component, what, trouble) => {
    const giveUpAt = Date.now() + startTimeoutMs;
    for (let found = await trouble(); found !== undefined; found = await trouble()) {
      signal?.throwIfAborted();
      throwIfFailed(supervisor);
      if (Date.now() > giveUpAt) {
        const tail = supervisor.logTail(component);
        throw new Error(
          `${component} not ${what} after ${startTimeoutMs / 1000} s: ${found}; its log ends with\n${tail}`,
        );
      }
      await sleep(pollEveryMs);
    }
  };
}

function throwIfFailed(supervisor: Supervisor): void {
  const failure = supervisor.failure();
  if (failure !== undefined) throw failure;
}

async function fetchOk(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
