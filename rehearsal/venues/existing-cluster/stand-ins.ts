import { UsageError } from '../../../src/command-line.ts';
import type { Config } from '../../../src/config/config.ts';
import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import { isNotFound } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import type { Selector } from '../../../src/policy/model.ts';
import { matches } from '../../../src/policy/selector.ts';
import {
  COUCHBASE_CLUSTER,
  clusterDefinition,
  installClusterDefinition,
  type ResourceKind,
} from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { couchbaseLabels, type PodManifest } from '../../../testkit/couchbase/member.ts';
import { createPod } from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { rehearsed } from './installed-hook.ts';

/** A label of everything that a rehearsal creates; its value is the namespace of the rehearsal, which is called its run. */
export const RUN_LABEL = 'reschedule.hook/rehearsal';
/** A label of stand-ins of members only. */
export const MEMBER_LABEL = 'reschedule.hook/stand-in-for';
export const WEB_LABELS = { app: 'reschedule-hook-rehearsal' };

/** The labels by which the hook is asked about the namespace of a run, if that depends on labels. */
export const scopeLabels = ({ protectNamespaces: { selector = [] } }: Config) => labelsFor(selector);

/** The labels of the namespace of a run. */
export const namespaceLabels = (settings: Config, run: string) => ({
  ...scopeLabels(settings),
  'kubernetes.io/metadata.name': run,
  'pod-security.kubernetes.io/enforce': 'restricted',
  [RUN_LABEL]: run,
});

/** No operator knows it. */
const STAND_IN_CLUSTER: ResourceKind = {
  group: 'rehearsal.reschedule.hook',
  version: 'v1',
  kind: 'StandInCluster',
  plural: 'standinclusters',
};
const nameOf = ({ plural, group }: ResourceKind) => `${plural}.${group}`;
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const GONE_WITHIN_MS = 60_000;

/** CouchbaseCluster only for a hook that tracks by it. For all others a kind that nobody else acts on will do. */
export function kindFor(config: Config): ResourceKind {
  return rehearsed(config).tracking.type === 'couchbasecluster' ? COUCHBASE_CLUSTER : STAND_IN_CLUSTER;
}

/** Throws a UsageError if the definition exists, because its owner may act on its objects. */
export async function checkDefinition(client: ApiClient, kind: ResourceKind): Promise<void> {
  const name = nameOf(kind);
  try {
    await client.json({ method: 'GET', path: `${DEFINITIONS}/${name}` });
  } catch (error) {
    if (isNotFound(error)) return;
    throw error;
  }
  throw new UsageError(
    kind === COUCHBASE_CLUSTER
      ? `${name} is installed, and its operator would act on the CouchbaseCluster of a rehearsal: rehearse elsewhere, ` +
          'or watch a drain of your own with --observe'
      : `${name} exists: another rehearsal is under way, or was ended by force (then delete the definition)`,
  );
}

/** Creates the definition, and never takes over one that exists. */
export async function createDefinition(
  client: ApiClient,
  kind: ResourceKind,
  run: string,
  signal: AbortSignal,
): Promise<void> {
  const { metadata, ...rest } = clusterDefinition(kind);
  const body = { ...rest, metadata: { ...metadata, labels: { [RUN_LABEL]: run } } };
  await client.json({ method: 'POST', path: DEFINITIONS, body });
  await installClusterDefinition(client, kind, { signal });
}

/** Removes the definition of that run, if there is one. Throws if somebody else has begun to use it. */
export async function removeDefinition(client: ApiClient, kind: ResourceKind, run: string): Promise<void> {
  const path = `${DEFINITIONS}/${nameOf(kind)}`;
  const { metadata } = await client.json({ method: 'GET', path }).catch(orNothing);
  const { uid, labels = {} } = (metadata ?? {}) as { uid?: string; labels?: Record<string, string> };
  if (labels[RUN_LABEL] !== run) return;
  const collection = `/apis/${kind.group}/${kind.version}/${kind.plural}`;
  // Not served yet if it was only just created.
  const { items = [] } = await client.json({ method: 'GET', path: collection }).catch(orNothing);
  const others = (items as readonly { metadata: { namespace: string } }[]).filter(
    ({ metadata }) => metadata.namespace !== run,
  );
  // They would go with it.
  if (others.length > 0) throw new Error(`${nameOf(kind)} stays: somebody else uses it by now`);
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } };
  await client.json({ method: 'DELETE', path, body });
  await untilGone(client, path, nameOf(kind));
}

function orNothing(error: unknown): JsonObject {
  if (isNotFound(error)) return {};
  throw error;
}

/** Deletes a namespace and waits until it is gone, with all that was in it. */
export async function removeNamespace(client: ApiClient, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${name}`;
  await client.json({ method: 'DELETE', path }).catch(orNothing);
  await untilGone(client, path, `namespace ${name}`);
}

async function untilGone(client: ApiClient, path: string, what: string): Promise<void> {
  const gone = async () => {
    const isThere = await client.json({ method: 'GET', path }).then(
      () => true,
      (error: unknown) => {
        if (isNotFound(error)) return false;
        throw error;
      },
    );
    if (isThere) throw new NotYet('it is still there');
  };
  await until(`the end of ${what}`, gone, { timeoutMs: GONE_WITHIN_MS, everyMs: 250 });
}

/** Labels that the hook selects by. Those of Couchbase are left out if the kind is not CouchbaseCluster. */
export function memberLabels(config: Config, kind: ResourceKind, run: string) {
  const [selector = []] = rehearsed(config).selectors;
  const selected = labelsFor(selector);
  const labels = (cluster: string, pod: string): Record<string, string> => ({
    ...(kind === COUCHBASE_CLUSTER ? couchbaseLabels(cluster, pod) : {}),
    ...selected,
    [MEMBER_LABEL]: cluster,
    [RUN_LABEL]: run,
  });
  if (matches(selector, labels('cb', 'cb-0000'))) return labels;
  throw new UsageError('no labels can be found that the selector of the installed hook selects');
}

function labelsFor(selector: Selector): Record<string, string> {
  return Object.fromEntries(
    selector.flatMap((one) => {
      if (one.op === 'in') return [[one.key, one.values[0] ?? '']];
      return one.op === 'exists' ? [[one.key, 'true']] : [];
    }),
  );
}

/**
 * A protected pod that is there before all others, and that nobody runs: a hook that is only asked about namespaces with such
 * pods gets to know this one. Returns what deletes it; the namespace stays registered for longer than a rehearsal takes.
 */
export async function createFirst(
  client: ApiClient,
  settings: Config,
  kind: ResourceKind,
  { run, image }: { readonly run: string; readonly image: string },
): Promise<() => Promise<void>> {
  const name = 'first';
  const labels = memberLabels(settings, kind, run)(name, name);
  const spec = { ...standInSpec({ image, nodes: [] }), affinity: {}, schedulerName: 'reschedule-hook-rehearsal' };
  await createPod(client, { namespace: run, name, labels, spec });
  const path = podPath(run, name);
  return async () => {
    await client.json({ method: 'DELETE', path, query: { gracePeriodSeconds: 0 } });
    await untilGone(client, path, `pod ${name}`);
  };
}

export interface Running {
  readonly image: string;
  readonly nodes: readonly string[];
}

/** What every stand-in pod runs: next to nothing, under restricted pod security, on the named nodes only. */
export function standInSpec({ image, nodes }: Running) {
  const amount = { cpu: '10m', memory: '16Mi' };
  const named = nodes.map((name) => ({ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }));
  return {
    securityContext: { runAsNonRoot: true, runAsUser: 65_535, seccompProfile: { type: 'RuntimeDefault' } },
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: named } } },
    containers: [
      {
        name: 'stand-in',
        image,
        resources: { requests: amount, limits: amount },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  };
}

/** The pod of a member, run as a stand-in. */
export function asStandIn(pod: PodManifest, running: Running): PodManifest {
  const { affinity, ...spec } = standInSpec(running);
  return { ...pod, spec: { ...pod.spec, ...spec, affinity: { ...(pod.spec.affinity as object), ...affinity } } };
}
