import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiClient } from '../../../src/kube/client.ts';
import { type Authority, createAuthority, type ServingFiles, writeServing } from '../../../testkit/certificates.ts';
import { connect } from '../../../testkit/connect.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../../testkit/control-plane/control-plane.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { installClusterDefinition } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createNamespace } from '../../../testkit/couchbase/workload.ts';
import { type HookProcess, startHook } from '../../../testkit/hook-process.ts';
import { registerWebhook } from '../../../testkit/webhook-registration.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { Access } from './access.ts';

/** The label by which a namespace says which hook is asked about its pods. */
export const HOOK_LABEL = 'test/hook';

/** A control plane with the CRD installed, and any number of hooks, each asked about namespaces of its own. */
export interface Rig {
  readonly controlPlane: ControlPlane;
  readonly client: ApiClient;
  readonly authority: Authority;
  /** Who the hooks are: the ServiceAccount of config/, with what config/ grants. */
  readonly access: Access;
  /** Starts a hook process without registering it. */
  startHook(env?: Record<string, string>, components?: readonly string[]): Promise<RunningHook>;
  /** Registers one URL for the namespaces labelled with `name`, and waits until the API server asks there. */
  register(name: string, url: string, fields?: { readonly timeoutSeconds?: number }): Promise<void>;
  /** A hook that reaches the API server through a proxy that can misbehave; not registered. */
  hookBehindProxy(env?: Record<string, string>): Promise<{ hook: RunningHook; proxy: TcpProxy }>;
  /** Both of it: a hook of that name, registered. */
  hook(name: string, env?: Record<string, string>, components?: readonly string[]): Promise<RunningHook>;
  /** Something of a test's own to end before the control plane does, also where the test fails. */
  atStop(end: () => Promise<void>): void;
  stop(): Promise<void>;
}

export type RunningHook = HookProcess & { readonly files: ServingFiles };

export interface RigOptions {
  readonly installCrd?: boolean;
  readonly controlPlane?: ControlPlaneOptions;
  /** The URL by which client and hooks reach the API server. Default: its own. */
  readonly through?: (controlPlane: ControlPlane) => Promise<string>;
}

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const controlPlane = await startControlPlane({ nodes: 1, ...options.controlPlane });
  const dir = await mkdtemp(join(tmpdir(), 'reschedule-hook-test-'));
  const server = (await options.through?.(controlPlane)) ?? controlPlane.server;
  const administrator = join(dir, 'administrator.kubeconfig');
  await writeFile(administrator, kubeconfig(server, controlPlane.caData, controlPlane.adminToken), { mode: 0o600 });
  const { client, close } = await connect(administrator);
  const authority = await createAuthority();
  const hooks: HookProcess[] = [];
  const ends: (() => Promise<void>)[] = [];
  let started = 0;
  if (options.installCrd !== false) await installClusterDefinition(client);

  const access = new Access(controlPlane, client);
  const start = async (
    at: string,
    env: Record<string, string> = {},
    components: readonly string[] = [],
  ): Promise<RunningHook> => {
    const name = `hook-${++started}`;
    const kubeconfigPath = join(dir, `${name}.kubeconfig`);
    await writeFile(kubeconfigPath, kubeconfig(at, controlPlane.caData, await access.token(env, components)));
    const files = await writeServing(join(dir, name), await authority.issue());
    const hook = await startHook({ kubeconfigPath, files, env });
    hooks.push(hook);
    return Object.assign(hook, { files });
  };

  const rig: Rig = {
    controlPlane,
    client,
    authority,
    access,
    startHook: (settings, components) => start(server, settings, components),
    async hookBehindProxy(settings) {
      const proxy = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(controlPlane.server).port) });
      ends.push(() => proxy.close());
      return { hook: await start(`https://127.0.0.1:${proxy.port}`, settings), proxy };
    },
    async register(name, url, fields = {}) {
      const probeNamespace = `probe-${name}`;
      await createNamespace(client, probeNamespace, { [HOOK_LABEL]: name });
      const webhook = { namespaceSelector: { matchLabels: { [HOOK_LABEL]: name } }, ...fields };
      await registerWebhook(client, { urls: [url], caBundle: authority.caBundle, name, webhook, probeNamespace });
    },
    async hook(name, settings, components) {
      const hook = await rig.startHook(settings, components);
      await rig.register(name, hook.url);
      return hook;
    },
    atStop: (end) => void ends.push(end),
    async stop() {
      await Promise.allSettled(ends.map((end) => end()));
      await Promise.allSettled(hooks.map((hook) => hook.stop()));
      await close();
      await controlPlane.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return rig;
}
