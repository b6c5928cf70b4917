import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../../testkit/certificates.ts';
import type { Cluster } from '../../testkit/cluster.ts';
import { type Component, Driver } from './controllers/driver.ts';
import { collectGarbage, countBudgets, keepNamespaces, taintNodes } from './controllers/housekeeping.ts';
import { playKubelets } from './controllers/kubelet.ts';
import { schedule } from './controllers/scheduler.ts';
import { workerNode } from './controllers/worker-node.ts';
import { runWorkloads } from './controllers/workloads.ts';
import { ApiServer } from './http/server.ts';
import { DEFINITION, KindRegistry, NAMESPACE, NODE } from './storage/kinds.ts';
import { Store } from './storage/store.ts';
import type { User } from './storage/user.ts';
import type { World } from './storage/world.ts';
import { createAs } from './writes/writes.ts';

export interface EmbeddedOptions {
  /** Worker nodes, named node-1 to node-N. Default 3. */
  readonly nodes?: number;
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Default: once a minute, as the real one. */
  readonly bookmarkEveryMs?: number;
  /** Default: all. */
  readonly components?: readonly Component[];
  /** How long after a change they look. Default: so soon that nobody waits for them. */
  readonly lookAfterMs?: number;
  /** Fills the cluster before anybody sees it. */
  readonly furnish?: (world: World) => void;
}

/** The faults that a rehearsal can bring about, beside what the API itself allows. */
export interface EmbeddedCluster extends Cluster {
  /** https://127.0.0.1:PORT */
  readonly server: string;
  /** PEM. */
  readonly caData: string;
  readonly adminToken: string;
  /** Stops answering, and starts again on the same port with everything that was there; the components pause meanwhile. */
  readonly apiServer: { stop(): Promise<void>; start(): Promise<void> };
  /** Forgets the past: a watch or a page that goes on from before gets 410. */
  compact(): void;
  /** Ends every watch without an error. */
  endWatches(): void;
}

const ADMIN: User = { username: 'admin', groups: ['system:masters', 'system:authenticated'] };
const HOOK: User = { ...ADMIN, username: 'reschedule-hook' };
const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
const COMPONENTS = [keepNamespaces, taintNodes, runWorkloads, schedule, playKubelets, countBudgets, collectGarbage];
/** Long enough that states like Pending show in a watch, short enough that nobody waits for it. */
const LOOK_AFTER_MS = 10;
const BOOKMARK_EVERY_MS = 60_000;

/** Starts an API over HTTPS in this process, with the components that let pods run. Nothing outlives the process. */
export async function startEmbedded(options: EmbeddedOptions = {}): Promise<EmbeddedCluster> {
  const { nodes = 3, log = () => undefined, signal, bookmarkEveryMs = BOOKMARK_EVERY_MS } = options;
  const { components = COMPONENTS, lookAfterMs = LOOK_AFTER_MS, furnish } = options;
  signal?.throwIfAborted();
  const world: World = { store: new Store(), kinds: new KindRegistry(), now: () => Date.now() };
  serveDefinitions(world);
  for (const name of NAMESPACES) createAs(world, NAMESPACE, 'kube-apiserver', { metadata: { name } });
  const names = Array.from({ length: nodes }, (_, i) => `node-${i + 1}`);
  names.forEach((name, i) => void createAs(world, NODE, 'kubelet', workerNode(name, i)));

  furnish?.(world);
  const authority = await createAuthority();
  const [adminToken, hookToken] = [newToken(), newToken()];
  const users = new Map([
    [adminToken, ADMIN],
    [hookToken, HOOK],
  ]);
  const server = new ApiServer({ world, ...(await authority.issue()), users, bookmarkEveryMs });
  const failed = Promise.withResolvers<Error>();
  const driver = new Driver({ world, components, delayMs: lookAfterMs, onError: failed.resolve });
  const apiServer = {
    async start() {
      await server.start();
      driver.start();
    },
    async stop() {
      driver.stop();
      await server.stop();
    },
  };
  await apiServer.start();
  const dir = await mkdtemp(join(tmpdir(), 'reschedule-hook-embedded-'));
  const writeConfig = async (user: string, token: string) => {
    const path = join(dir, `${user}.kubeconfig`);
    await writeFile(path, kubeconfig(server.url, authority.ca, token), { mode: 0o600 });
    return path;
  };
  const kubeconfigPath = await writeConfig('admin', adminToken);
  const hookUser = { name: HOOK.username, kubeconfigPath: await writeConfig('hook', hookToken) };
  log(`embedded API ready at ${server.url}, ${nodes} nodes`);
  return {
    kubeconfigPath,
    hookUser,
    server: server.url,
    caData: authority.ca,
    adminToken,
    nodes: names,
    dir,
    apiServer,
    compact: () => world.store.compact(),
    endWatches: () => server.endWatches(),
    failed: failed.promise,
    async stop() {
      await apiServer.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const newToken = () => randomBytes(24).toString('base64url');

/** Kinds come and go with their definitions, and their objects with them. */
function serveDefinitions({ store, kinds }: World): void {
  store.listen(({ kind, type, object }) => {
    if (kind !== DEFINITION) return;
    if (type !== 'DELETED') return kinds.define(object);
    const gone = kinds.undefine(object.metadata.name);
    // Not from within the telling of a change.
    queueMicrotask(() => {
      for (const one of gone) for (const left of store.list(one)) store.remove(one, left);
    });
  });
}

/** JSON is YAML. */
function kubeconfig(server: string, ca: string, token: string): string {
  const cluster = { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'embedded', cluster }],
    users: [{ name: 'embedded', user: { token } }],
    contexts: [{ name: 'embedded', context: { cluster: 'embedded', user: 'embedded' } }],
    'current-context': 'embedded',
  });
}
