import type { ApiClient, JsonObject } from '../src/kube/client.ts';

/** The parts of a pod that rehearsals look at. */
export interface PodView {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Absent until the pod is scheduled. */
  readonly node?: string;
  readonly phase: string;
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The names of the conditions that are True. */
  readonly conditions: readonly string[];
  /** The readiness gates of its spec. */
  readonly gates: readonly string[];
}

interface RawPod {
  readonly metadata?: {
    readonly namespace?: string;
    readonly name?: string;
    readonly uid?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly spec?: { readonly nodeName?: string; readonly readinessGates?: { readonly conditionType: string }[] };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: { readonly type: string; readonly status: string }[];
  };
}

export function viewPod(object: JsonObject): PodView {
  const { metadata = {}, spec = {}, status = {} } = object as RawPod;
  const conditions = status.conditions?.filter(({ status }) => status === 'True').map(({ type }) => type) ?? [];
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    ...(spec.nodeName ? { node: spec.nodeName } : {}),
    phase: status.phase ?? 'Pending',
    ready: conditions.includes('Ready'),
    terminating: metadata.deletionTimestamp !== undefined,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    conditions,
    gates: spec.readinessGates?.map(({ conditionType }) => conditionType) ?? [],
  };
}

/** The pods of a namespace, sorted by name. Undefined means all namespaces. */
export async function listPods(
  client: ApiClient,
  namespace: string | undefined,
  labelSelector?: string,
): Promise<PodView[]> {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const list = await client.json({ method: 'GET', path: `/api/v1${scope}/pods`, query: { labelSelector } });
  const pods = (list.items as readonly JsonObject[]).map(viewPod);
  return pods.sort((a, b) => a.name.localeCompare(b.name));
}

/** A prefix that is short to read and still distinguishes instances. */
export const shortUid = (uid: string) => uid.slice(0, 8);
