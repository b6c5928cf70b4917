import { join } from 'node:path';
import { UsageError } from '../../src/command-line.ts';
import type { ApiClient } from '../../src/kube/client.ts';
import { namespacePath } from '../../src/kube/paths.ts';
import { createAuthority, writeServing } from '../../testkit/certificates.ts';
import type { Cluster } from '../../testkit/cluster.ts';
import { connect } from '../../testkit/connect.ts';
import { installClusterDefinition, resourcePath } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import { createNamespace } from '../../testkit/couchbase/workload.ts';
import { type HookProcess, startHook } from '../../testkit/hook-process.ts';
import { registerWebhook } from '../../testkit/webhook-registration.ts';
import { chooseDrainer, type DrainerChoice } from '../drainers/choose.ts';
import { startEmbedded } from '../embedded-api/cluster.ts';
import { type OperatorModel, sharedLabels } from '../operator/model.ts';
import { COUCHBASE } from '../operator/models/couchbase.ts';
import { HookGuard } from './hook-guard.ts';
import type { Site, Venue } from './venue.ts';

export interface NewClusterOptions {
  /** A real control plane instead of the embedded API. */
  readonly controlPlane: boolean;
  /** Of the operator. Absent: as in life on a control plane, else a second. */
  readonly periodMs?: number;
  readonly drainer?: DrainerChoice;
  /** The script that runs as the hook, and its arguments. Absent: that of this checkout. */
  readonly entry?: string;
  readonly args?: readonly string[];
}

const EMBEDDED_PERIOD_MS = 1_000;
const CLUSTER = 'cb';

const NAMESPACE = 'db';
/** Also on a machine that has much else to do; a hook that cannot start ends sooner. */
const HOOK_STARTS_WITHIN_MS = 120_000;
/** Most of a drain is waiting. More rehearsals than this would wait for each other. */
const EMBEDDED_AT_ONCE = 3;

/** How often an operator looks in a new cluster. */
export const periodIn = ({ controlPlane, periodMs }: NewClusterOptions, model: OperatorModel) =>
  periodMs ?? (controlPlane ? model.periodMs : EMBEDDED_PERIOD_MS);

/** A cluster that is started for the rehearsal, with the operator's definitions and the hook as a process of its own. */
export function newCluster(options: NewClusterOptions): Venue {
  const { controlPlane, drainer, entry, args = [] } = options;
  const program = entry === undefined ? {} : { entry, args };
  return {
    atOnce: controlPlane ? 1 : EMBEDDED_AT_ONCE,
    async open({ nodes, model, hookEnv, onHookLine, log, signal }, cleanup) {
      const start = controlPlane ? (await loadControlPlane()).startControlPlane : startEmbedded;
      const cluster = await start({ nodes, log, signal }).catch((error: unknown) => {
        throw isUnavailable(error) ? new UsageError(error.message, { cause: error }) : error;
      });
      cleanup.defer(() => cluster.stop());
      const { hookUser } = cluster;
      const { client, close } = await connect(cluster.kubeconfigPath);
      cleanup.defer(close);
      await installDefinitions(client, model, signal);
      const authority = await createAuthority();
      const files = await writeServing(join(cluster.dir, 'hook'), await authority.issue());
      signal.throwIfAborted();
      const timeoutMs = HOOK_STARTS_WITHIN_MS;
      const { kubeconfigPath } = hookUser;
      const hook = await startHook({ kubeconfigPath, files, env: hookEnv, onLine: onHookLine, timeoutMs, ...program });
      cleanup.defer(() => hook.stop());
      await registerWebhook(client, { urls: [hook.url], caBundle: authority.caBundle }, { signal });
      log(`hook ready at ${hook.url}`);
      await createNamespace(client, NAMESPACE);
      const choice = drainer === undefined ? {} : { drainer };
      const periodMs = periodIn(options, model);
      const place = { namespace: NAMESPACE, nodeSelector: {}, periodMs, model };
      return startedSite({ cluster, client, hook, hookUser: hookUser.name, log, ...place, ...choice });
    },
  };
}

/** Of the kinds that the model's operator knows. */
export async function installDefinitions(client: ApiClient, model: OperatorModel, signal: AbortSignal): Promise<void> {
  const { kind, ownerKind } = model;
  for (const one of ownerKind === undefined ? [kind] : [kind, ownerKind]) {
    await installClusterDefinition(client, one, { signal });
  }
}

export interface StartedSiteOptions {
  readonly cluster: Cluster;
  readonly client: ApiClient;
  readonly hook: HookProcess;
  /** Who that is for the API server. Absent: its evictions cannot be told from those of others. */
  readonly hookUser?: string;
  readonly namespace: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly periodMs: number;
  /** Default: that of Couchbase. */
  readonly model?: OperatorModel;
  /** The object that keeps the entries. Default: as a hook has it that is not told. */
  readonly trackerPath?: string;
  readonly drainer?: DrainerChoice;
  readonly log: (line: string) => void;
}

/** The site on a cluster where a hook was started, and where no other operator acts. */
export function startedSite(options: StartedSiteOptions): Site {
  const {
    cluster,
    client,
    hook,
    namespace,
    nodeSelector,
    periodMs,
    model = COUCHBASE,
    drainer,
    hookUser,
    log,
  } = options;
  const memberLabels = sharedLabels(model, CLUSTER);
  const isMember = ({ labels }: { readonly labels: Readonly<Record<string, string>> }) =>
    Object.entries(memberLabels).every(([key, value]) => labels[key] === value);
  const { nodes, apiServer } = cluster;
  const guard = new HookGuard(hook);
  const failed = Promise.race([rejectWith(cluster.failed), guard.died]);
  failed.catch(() => undefined);
  const kubectl = { kubectl: cluster.assets?.kubectl, kubeconfigPath: cluster.kubeconfigPath, homeDir: cluster.dir };
  return {
    client,
    ...(model.mark === undefined ? {} : { annotation: model.mark }),
    ...(hookUser === undefined ? {} : { hookUser }),
    clusterOf: (pod) => (isMember(pod) ? CLUSTER : undefined),
    hook: { process: hook, guard },
    failed,
    place: {
      namespace,
      nodes,
      cluster: CLUSTER,
      kind: model.kind,
      model,
      trackerPath: options.trackerPath ?? trackerOf(model, namespace),
      isMember,
      memberLabels,
      nodeSelector,
      operator: { labels: model.labels, manifest: (pod) => ({ ...pod, spec: { ...pod.spec, nodeSelector } }) },
      periodMs,
      plainPods: { labels: { app: 'web' }, spec: { nodeSelector } },
      drainer: chooseDrainer(client, kubectl, drainer, log),
      ...(apiServer === undefined ? {} : { apiServer }),
    },
  };
}

/** Only a CouchbaseCluster keeps entries itself. */
const trackerOf = (model: OperatorModel, namespace: string) =>
  model === COUCHBASE ? resourcePath(model.kind, namespace, CLUSTER) : namespacePath(namespace);

const rejectWith = async (failure: Promise<Error>): Promise<never> => {
  throw await failure;
};

/** The binaries are missing and cannot be built here. The message says what would help. */
const isUnavailable = (error: unknown): error is Error => error instanceof Error && error.name === 'AssetsUnavailable';

interface ControlPlaneModule {
  startControlPlane(options: { nodes: number; log: (line: string) => void; signal: AbortSignal }): Promise<Cluster>;
}

/** Only a checkout has it, and so it is not imported before it is needed. */
async function loadControlPlane(): Promise<ControlPlaneModule> {
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
