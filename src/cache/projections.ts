import type { JsonObject } from '../kube/client.ts';
import type { Mark, Node, Owner, Pod, PodMetadata } from '../policy/model.ts';

/**
 * The fields that the projections read. All are optional, so that nothing from an API server makes a projection throw.
 */
interface RawMetadata {
  name?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  labels?: Record<string, string> | null;
  annotations?: Record<string, string> | null;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  ownerReferences?: { apiVersion?: string; kind?: string; name?: string; controller?: boolean }[] | null;
  managedFields?: { manager?: string; time?: string; fieldsV1?: Record<string, unknown> }[] | null;
}

interface RawPod {
  metadata?: RawMetadata;
  spec?: { nodeName?: string };
  status?: {
    phase?: string;
    startTime?: string;
    conditions?: { type?: string; status?: string; lastTransitionTime?: string }[] | null;
    containerStatuses?: { state?: { terminated?: { finishedAt?: string } } }[] | null;
  };
}

interface RawNode {
  metadata?: RawMetadata;
  spec?: { unschedulable?: boolean; taints?: { key?: string }[] | null };
}

/** The parts of a pod projection that depend on the configuration. */
export interface PodFields {
  /** The key of the reschedule annotation. */
  readonly annotationKey: string;
  /** The labels that a selector or a tracker looks at. The projection keeps no others. */
  readonly labelKeys: readonly string[];
}

/** Keeps the fields of a pod that the policy needs. The result is frozen. */
export function projectPod(object: JsonObject, { annotationKey, labelKeys }: PodFields): Pod {
  const { metadata = {}, spec, status } = object as RawPod;
  const value = metadata.annotations?.[annotationKey];
  return frozen({
    ...identity(metadata),
    namespace: metadata.namespace ?? '',
    labels: kept(metadata.labels ?? {}, labelKeys),
    ready: status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    ...optional('owner', controllerOf(metadata)),
    ...optional('mark', value === undefined ? undefined : markOf(metadata, annotationKey, value)),
    ...optional('node', spec?.nodeName || undefined),
    ...optional('deletionDeadline', instant(metadata.deletionTimestamp)),
    ...optional('deletionGraceSeconds', metadata.deletionGracePeriodSeconds),
    ...optional('finishedAt', finishedAt(metadata, status)),
  });
}

/** The same for a pod's metadata alone. For a whole pod it returns the same metadata. */
export function projectPodMetadata(object: JsonObject, { labelKeys }: Pick<PodFields, 'labelKeys'>): PodMetadata {
  const { metadata = {} } = object as RawPod;
  return frozen({
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    labels: kept(metadata.labels ?? {}, labelKeys),
    ...optional('owner', controllerOf(metadata)),
  });
}

export function projectNode(object: JsonObject): Node {
  const { metadata = {}, spec } = object as RawNode;
  return frozen({
    name: metadata.name ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    unschedulable: spec?.unschedulable === true,
    taints: spec?.taints?.flatMap(({ key }) => key ?? []) ?? [],
    deleting: metadata.deletionTimestamp !== undefined,
  });
}

/** Freezes a projection, which is at most two levels deep. */
function frozen<T extends object>(projection: T): T {
  for (const part of Object.values(projection)) Object.freeze(part);
  return Object.freeze(projection);
}

function kept(labels: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const key of keys) {
    if (Object.hasOwn(labels, key)) found[key] = labels[key] as string;
  }
  return found;
}

function identity(metadata: RawMetadata): { name: string; uid: string; resourceVersion: string } {
  return { name: metadata.name ?? '', uid: metadata.uid ?? '', resourceVersion: metadata.resourceVersion ?? '' };
}

function controllerOf(metadata: RawMetadata): Owner | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner && { apiVersion: owner.apiVersion ?? '', kind: owner.kind ?? '', name: owner.name ?? '' };
}

/** The managed fields show who set the annotation, and when, without a second annotation and across restarts. */
function markOf(metadata: RawMetadata, key: string, value: string): Mark {
  const setter = metadata.managedFields?.find(({ fieldsV1 }) => {
    const fields = fieldsV1 as { 'f:metadata'?: { 'f:annotations'?: Record<string, unknown> } } | undefined;
    return fields?.['f:metadata']?.['f:annotations']?.[`f:${key}`] !== undefined;
  });
  return { value, ...optional('at', instant(setter?.time)), ...optional('by', setter?.manager) };
}

/**
 * When a finished pod ended: at the end of its last container, else its last condition change, else its start or
 * creation.
 */
function finishedAt(metadata: RawMetadata, status: RawPod['status']): number | undefined {
  if (status?.phase !== 'Succeeded' && status?.phase !== 'Failed') return undefined;
  const ends = status.containerStatuses?.flatMap(({ state }) => instant(state?.terminated?.finishedAt) ?? []) ?? [];
  if (ends.length > 0) return Math.max(...ends);
  const changes = status.conditions?.flatMap(({ lastTransitionTime }) => instant(lastTransitionTime) ?? []) ?? [];
  if (changes.length > 0) return Math.max(...changes);
  return instant(status.startTime) ?? instant(metadata.creationTimestamp) ?? 0;
}

function instant(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
