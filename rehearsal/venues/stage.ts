import { join } from 'node:path';
import type { ApiClient } from '../../src/kube/client.ts';
import { createAuthority, writeServing } from '../../testkit/certificates.ts';
import type { Cleanup } from '../../testkit/cleanup.ts';
import type { Cluster } from '../../testkit/cluster.ts';
import { connect } from '../../testkit/connect.ts';
import { installClusterDefinition } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import { type HookProcess, startHook } from '../../testkit/hook-process.ts';
import type { LogLine } from '../../testkit/log-lines.ts';
import { registerWebhook } from '../../testkit/webhook-registration.ts';
import { startEmbedded } from '../embedded-api/cluster.ts';
import { UsageError } from '../usage-error.ts';

/** Where a rehearsal plays: a cluster, a client for it, and the hook that it asks about evictions. */
export interface Stage {
  readonly cluster: Cluster;
  readonly client: ApiClient;
  readonly hook: HookProcess;
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
  startControlPlane(options: { nodes: number; log: (line: string) => void; signal: AbortSignal }): Promise<Cluster>;
}

/** It comes with a checkout only, and so is not imported before it is needed. */
async function controlPlane(): Promise<ControlPlaneModule> {
  const url = new URL('../../testkit/control-plane/control-plane.ts', import.meta.url);
  try {
    return (await import(url.href)) as ControlPlaneModule;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError('--control-plane needs a checkout with its development dependencies: testkit is missing', {
      cause: error,
    });
  }
}
