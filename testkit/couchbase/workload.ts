import type { ApiClient, JsonObject } from '../../src/kube/client.ts';
import { ENTRY_PREFIX } from '../../src/policy/entry.ts';
import { listPods, type PodView } from '../pods.ts';
import { NotYet, type UntilOptions, until } from '../until.ts';
import { apiVersionOf, COUCHBASE_CLUSTER, type ResourceKind, resourcePath } from './couchbasecluster-crd.ts';
import { couchbaseIndex, type IndexOf, type Member, viewMember } from './member.ts';

const IMAGE = 'registry.k8s.io/pause:3.10';

/** Creates a namespace and waits until pods can be created in it. */
export async function createNamespace(
  client: ApiClient,
  name: string,
  labels: Record<string, string> = {},
): Promise<JsonObject> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  const namespace = await client.json({ method: 'POST', path: '/api/v1/namespaces', body });
  // Its default service account appears a moment later. Until then the API server refuses every pod.
  const account = `/api/v1/namespaces/${name}/serviceaccounts/default`;
  await until(`the service account of namespace ${name}`, () => client.json({ method: 'GET', path: account }));
  return namespace;
}

export interface ClusterOptions {
  readonly namespace: string;
  readonly name: string;
  /** Default 3. */
  readonly size?: number;
  /** The value in the spec. Absent: the field is absent, which means SwapRebalance. */
  readonly process?: 'SwapRebalance' | 'InPlaceUpgrade' | 'DeltaRecovery';
  /** `upgrade`: spec.upgrade.upgradeProcess (2.9 on). Default: spec.upgradeProcess. */
  readonly processIn?: 'spec' | 'upgrade';
  readonly annotations?: Record<string, string>;
  /** Merged over the rest of the spec. */
  readonly spec?: Record<string, unknown>;
  readonly kind?: ResourceKind;
}

/** Creates a CouchbaseCluster, whose operator creates the members. Returns the object. */
export async function createCluster(client: ApiClient, options: ClusterOptions): Promise<JsonObject> {
  const {
    namespace,
    name,
    size = 3,
    process,
    processIn = 'spec',
    annotations = {},
    kind = COUCHBASE_CLUSTER,
  } = options;
  const upgrade = process === undefined ? {} : { upgradeProcess: process };
  const body = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { namespace, name, annotations },
    spec: { size, ...(processIn === 'upgrade' ? { upgrade } : upgrade), ...options.spec },
  };
  return client.json({ method: 'POST', path: resourcePath(kind, namespace), body });
}

/** Merge-patches a cluster's spec, for example `{ paused: true }`. */
export async function patchCluster(
  client: ApiClient,
  namespace: string,
  name: string,
  spec: Record<string, unknown>,
  kind: ResourceKind = COUCHBASE_CLUSTER,
): Promise<JsonObject> {
  const path = resourcePath(kind, namespace, name);
  return client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body: { spec } });
}

export async function listMembers(
  client: ApiClient,
  { namespace, cluster, indexOf = couchbaseIndex }: MembersWanted,
): Promise<Member[]> {
  const list = await client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
  const members = (list.items as readonly JsonObject[]).flatMap((raw) => viewMember(cluster, raw, indexOf) ?? []);
  return members.sort((a, b) => a.index - b.index);
}

export interface MembersWanted extends UntilOptions {
  readonly namespace: string;
  readonly cluster: string;
  /** Default 3. */
  readonly size?: number;
  /** Also waits until the operator reports that it is done: the condition Balanced in the cluster's status. */
  readonly balanced?: boolean;
  readonly kind?: ResourceKind;
  /** Default: by the names that Couchbase's operator gives. */
  readonly indexOf?: IndexOf;
}

/** Waits until exactly `size` members exist, all of them Running and Ready, and returns them by index. */
export async function waitForMembers(client: ApiClient, wanted: MembersWanted): Promise<Member[]> {
  const { namespace, cluster, size = 3, balanced = false, kind = COUCHBASE_CLUSTER } = wanted;
  const path = resourcePath(kind, namespace, cluster);
  const inPlace = async () => {
    // Reads the status before the members, because a status can list members that have gone since.
    const isBalanced = !balanced || hasCondition(await client.json({ method: 'GET', path }), 'Balanced');
    const members = await listMembers(client, wanted);
    const fit = members.filter(({ phase, ready, terminating }) => phase === 'Running' && ready && !terminating);
    if (members.length === size && fit.length === size && isBalanced) return members;
    throw new NotYet(`${members.length} members, ${fit.length} of them Running and Ready, balanced: ${isBalanced}`);
  };
  return until(`${size} members of ${namespace}/${cluster}`, inPlace, wanted);
}

function hasCondition(object: JsonObject, wanted: string): boolean {
  const { conditions = [] } = (object.status ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some(({ type, status }) => type === wanted && status === 'True');
}

/** Creates a PDB like the operator's: all members but one must stay. Its labels default to those of members. */
export async function createPdb(
  client: ApiClient,
  options: { namespace: string; cluster: string; size?: number; matchLabels?: Record<string, string> },
): Promise<JsonObject> {
  const { namespace, cluster, size = 3 } = options;
  const matchLabels = options.matchLabels ?? { couchbase_cluster: cluster, couchbase_server: 'true' };
  const body = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { namespace, name: `${cluster}-pdb` },
    spec: { minAvailable: size - 1, selector: { matchLabels } },
  };
  return client.json({ method: 'POST', path: `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`, body });
}

export interface PlainPodOptions {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  /** Puts the pod on this node without the scheduler, even if the node is cordoned. */
  readonly node?: string;
  readonly ownerReferences?: readonly object[];
  readonly finalizers?: readonly string[];
  /** Merged over the rest of the spec. */
  readonly spec?: Record<string, unknown>;
}

/** Creates a pod without an owner, or with `ownerReferences`. Does not wait; see waitForPod. */
export async function createPod(client: ApiClient, options: PlainPodOptions): Promise<PodManifestAnswer> {
  const { namespace, name, labels = {}, annotations = {}, node, ownerReferences, finalizers, spec } = options;
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      labels,
      annotations,
      ...(ownerReferences ? { ownerReferences } : {}),
      ...(finalizers ? { finalizers } : {}),
    },
    spec: { ...podSpec(), ...(node === undefined ? {} : { nodeName: node }), ...spec },
  };
  const answer = await client.json({ method: 'POST', path: `/api/v1/namespaces/${namespace}/pods`, body });
  return answer as PodManifestAnswer;
}

export type PodManifestAnswer = JsonObject & { readonly metadata: { readonly uid: string; readonly name: string } };

/** Waits for a pod in the given state: by default Running and Ready. */
export async function waitForPod(
  client: ApiClient,
  { namespace, name, ...options }: UntilOptions & { namespace: string; name: string },
  isAsAsked: (pod: PodView) => boolean = ({ phase, ready }) => phase === 'Running' && ready,
): Promise<PodView> {
  const found = async () => {
    const pod = (await listPods(client, namespace)).find((candidate) => candidate.name === name);
    if (pod !== undefined && isAsAsked(pod)) return pod;
    throw new NotYet(pod === undefined ? 'there is no such pod' : `it is ${pod.phase}, ready: ${pod.ready}`);
  };
  return until(`pod ${namespace}/${name}`, found, options);
}

/** Creates a Deployment of plain pods. Does not wait. */
export async function createDeployment(
  client: ApiClient,
  options: { namespace: string; name: string; replicas?: number; labels?: Record<string, string>; spec?: object },
): Promise<JsonObject> {
  const { namespace, name, replicas = 1, labels = { app: name } } = options;
  const body = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      // A Deployment accepts only pods that always restart.
      template: { metadata: { labels }, spec: { ...podSpec(), restartPolicy: 'Always', ...options.spec } },
    },
  };
  return client.json({ method: 'POST', path: `/apis/apps/v1/namespaces/${namespace}/deployments`, body });
}

/** The entries of an object: annotation key to raw value. */
export function entriesOn(object: JsonObject): Record<string, string> {
  const { annotations = {} } = (object.metadata ?? {}) as { annotations?: Record<string, string> };
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith(ENTRY_PREFIX)));
}

/** The present entries of a cluster. */
export async function entriesOnCluster(
  client: ApiClient,
  namespace: string,
  name: string,
  kind: ResourceKind = COUCHBASE_CLUSTER,
): Promise<Record<string, string>> {
  return entriesOn(await client.json({ method: 'GET', path: resourcePath(kind, namespace, name) }));
}

function podSpec(): Record<string, unknown> {
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'plain', image: IMAGE }],
  };
}
