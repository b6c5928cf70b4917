import { join } from 'node:path';
import type { ApiClient } from '../kube/client.ts';
import { createAuthority, writeServing } from './certificates.ts';
import { connect } from './connect.ts';
import { installClusterDefinition } from './couchbasecluster-crd.ts';
import { startEmbedded } from './embedded/cluster.ts';
import { UsageError } from './flags.ts';
import { type HookProcess, startHook } from './hook-process.ts';
import type { LogLine } from './log-lines.ts';
import { registerWebhook } from './webhook-registration.ts';

/** Where a rehearsal plays: a cluster, a client for it, and the hook that it asks about evictions. */
export interface Stage {
  readonly cluster: RehearsalCluster;
  readonly client: ApiClient;
  readonly hook: HookProcess;
}

/** What a rehearsal needs of a cluster; embedded/cluster.ts and test/cluster/control-plane.ts give it. */
export interface RehearsalCluster {
  readonly kubeconfigPath: string;
  readonly nodes: readonly string[];
  /** A folder that is removed with the cluster. */
  readonly dir: string;
  /** A kubectl that comes with the cluster; undefined where one is taken that is installed, if any. */
  readonly assets?: { readonly kubectl: string };
  /** The API server alone, where it can be stopped: it then answers nobody, and what it stored stays. */
  readonly apiServer?: { stop(): Promise<unknown>; start(): Promise<unknown> };
  readonly failed: Promise<Error>;
  stop(): Promise<void>;
}

export interface StageOptions {
  readonly nodes: number;
  /** A real control plane instead of the embedded API. */
  readonly controlPlane: boolean;
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
  readonly onHookLine: (line: LogLine) => void;
  /** Settings of the hook over those of a rehearsal. */
  readonly hookEnv?: Readonly<Record<string, string>>;
}

/** What has to be undone at the end, last first. */
export class Cleanup {
  readonly #todo: (() => Promise<unknown>)[] = [];

  defer(undo: () => Promise<unknown>): void {
    this.#todo.push(undo);
  }

  /** Does all of it, whatever fails; then throws the first failure. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const undo of this.#todo.splice(0).reverse()) await undo().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}

/** Also on a machine that has much else to do; one that cannot start ends sooner. */
const HOOK_STARTS_WITHIN_MS = 120_000;

/** Starts a cluster with the definition of CouchbaseCluster, the hook, and the hook's registration. */
export async function setStage(options: StageOptions, cleanup: Cleanup): Promise<Stage> {
  const { nodes, write, signal, onHookLine, hookEnv = {} } = options;
  const start = options.controlPlane ? (await controlPlane()).startControlPlane : startEmbedded;
  const cluster = await start({ nodes, log: write, signal }).catch((error: unknown) => {
    throw isUnavailable(error) ? new UsageError(error.message, { cause: error }) : error;
  });
  cleanup.defer(() => cluster.stop());
  const { client, close } = await connect(cluster.kubeconfigPath);
  cleanup.defer(close);
  await installClusterDefinition(client, undefined, { signal });
  const authority = await createAuthority();
  const files = await writeServing(join(cluster.dir, 'hook'), await authority.issue());
  signal.throwIfAborted();
  const { kubeconfigPath } = cluster;
  const started = { kubeconfigPath, files, env: hookEnv, onLine: onHookLine, timeoutMs: HOOK_STARTS_WITHIN_MS };
  const hook = await startHook(started);
  cleanup.defer(() => hook.stop());
  await registerWebhook(client, { urls: [hook.url], caBundle: authority.caBundle }, { signal });
  write(`hook ready at ${hook.url}`);
  return { cluster, client, hook };
}

/** Its binaries are neither there nor can they be built here: the message says what would help. */
const isUnavailable = (error: unknown): error is Error => error instanceof Error && error.name === 'AssetsUnavailable';

interface ControlPlaneModule {
  startControlPlane(options: {
    nodes: number;
    log: (line: string) => void;
    signal: AbortSignal;
  }): Promise<RehearsalCluster>;
}

/** It comes with a checkout only, and so is not imported before it is needed. */
async function controlPlane(): Promise<ControlPlaneModule> {
  const url = new URL('../../test/cluster/control-plane.ts', import.meta.url);
  try {
    return (await import(url.href)) as ControlPlaneModule;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError(
      '--control-plane needs a checkout with its development dependencies: test/cluster is missing',
      {
        cause: error,
      },
    );
  }
}
