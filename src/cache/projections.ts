import type { JsonObject } from '../kube/client.ts';
import { FIELD_MANAGER } from '../kube/guarded-objects.ts';
import { REQUEST_EVICT_ONLY } from '../policy/in-background.ts';
import type { Mark, Namespace, Node, Owner, Pod, PodMetadata } from '../policy/model.ts';
import { MANAGER, short } from '../policy/names.ts';
import { type Taint, taintText } from '../policy/node-state.ts';
import { policyIn } from '../policy/policy-annotation.ts';
import { labelsIn, type MarkedPod, type MarkOfProfile, matchesMark, placeOf } from '../policy/profiles/mark.ts';
import { type PolicySettings, profileOf } from '../policy/profiles/profile.ts';
import { isReported, type Report } from '../policy/profiles/report.ts';
import { writtenAt } from '../policy/requests/written-at.ts';

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
  managedFields?: RawManagedFields[] | null;
}

interface RawManagedFields {
  manager?: string;
  time?: string;
  subresource?: string;
  fieldsV1?: Record<string, unknown>;
}

interface RawPod {
  metadata?: RawMetadata;
  spec?: { nodeName?: string };
  status?: {
    phase?: string;
    startTime?: string;
    conditions?: RawCondition[] | null;
    containerStatuses?: { state?: { terminated?: { finishedAt?: string } } }[] | null;
  };
}

interface RawCondition {
  type?: string;
  status?: string;
  lastTransitionTime?: string;
  message?: string;
}

interface RawNode {
  metadata?: RawMetadata;
  spec?: { unschedulable?: boolean; taints?: RawTaint[] | null };
  status?: { conditions?: RawCondition[] | null };
}

interface RawTaint extends Taint {
  timeAdded?: string;
}

/** A key, a value, and the longest effect with what joins them. */
const TAINT_MAX = 400;
/** Of what the scheduler says; its messages list a reason for each node. */
const SCHEDULER_MESSAGE_MAX = 300;
/** The kubelet sets it on the pod that stands for one of its files. */
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/** By so much the clocks of two API servers may differ. */
const CLOCKS_DIFFER_MS = 10_000;

/** The parts of a pod projection that depend on the configuration. */
export interface PodFields {
  readonly profiles: PolicySettings['profiles'];
  /** The labels that a selector, a mark or a tracker looks at. The projection keeps no others. */
  readonly labelKeys: readonly string[];
  /** The annotations that a profile requires. */
  readonly annotationKeys: readonly string[];
}

/** Keeps the fields of a pod that the policy needs. The result is frozen. */
export function projectPod(object: JsonObject, fields: PodFields): Pod {
  const { metadata = {}, spec, status } = object as RawPod;
  const node = short(spec?.nodeName) || undefined;
  const carried = carriedBy(metadata, fields);
  const pod = { ...identity(metadata), ...carried, ...optional('node', node) };
  const mark = markOf(metadata, pod, fields);
  return frozen({
    ...pod,
    namespace: short(metadata.namespace),
    ready: status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    ...optional('owner', controllerOf(metadata)),
    ...optional('mark', mark),
    ...optional('isReported', reportedOf(object, profileOf(carried, fields)?.report, mark)),
    ...optional('isMirror', hasAnnotation(metadata, MIRROR_ANNOTATION)),
    ...policyIn(metadata.annotations),
    ...optional('isEvictedInBackground', hasAnnotation(metadata, REQUEST_EVICT_ONLY)),
    ...scheduling(spec, status),
    ...optional('deletionDeadline', instant(metadata.deletionTimestamp)),
    ...optional('deletionGraceSeconds', metadata.deletionGracePeriodSeconds),
    ...optional('finishedAt', finishedAt(metadata, status)),
  });
}

/** The same for a pod's metadata alone. For a whole pod it returns the same metadata. */
export function projectPodMetadata(object: JsonObject, fields: PodFields): PodMetadata {
  const { metadata = {} } = object as RawPod;
  return frozen({
    namespace: short(metadata.namespace),
    name: short(metadata.name),
    uid: short(metadata.uid),
    ...carriedBy(metadata, fields),
    ...optional('owner', controllerOf(metadata)),
    ...optional('isMirror', hasAnnotation(metadata, MIRROR_ANNOTATION)),
  });
}

/**
 * Who changed a pod last, apart from its status and from the hook: if a mark has disappeared, probably the one who took it
 * away. The API server records nobody for what is no longer there, and times in whole seconds.
 */
export function lastWriterOf(object: JsonObject): string | undefined {
  const { metadata = {} } = object as RawPod;
  const written = metadata.managedFields?.filter((one) => !one.subresource && one.manager !== FIELD_MANAGER) ?? [];
  const at = ({ time }: { time?: string }) => instant(time) ?? 0;
  const last = written.reduce((a, b) => (at(b) >= at(a) ? b : a), written[0] ?? {});
  return last.manager !== undefined && MANAGER.test(last.manager) ? last.manager : undefined;
}

/** Of what a tenant may write it keeps one of two words, or the beginning of what is neither. */
export function projectNamespace(object: JsonObject): Namespace {
  const { metadata = {} } = object as { readonly metadata?: RawMetadata };
  return Object.freeze({ ...identity(metadata), ...policyIn(metadata.annotations) });
}

/** `drainConditions`: the types of conditions to keep. The kubelet reports the others again and again. */
export function projectNode(object: JsonObject, drainConditions: readonly string[]): Node {
  const { metadata = {}, spec, status } = object as RawNode;
  const taints = spec?.taints?.filter(({ key }) => key) ?? [];
  return frozen({
    ...identity(metadata),
    unschedulable: spec?.unschedulable === true,
    taints: taints.map(textOf),
    taintedAt: Object.fromEntries(taints.flatMap(timesOf)),
    ...optional('drainConditions', trueAmong(status?.conditions ?? [], drainConditions)),
    deleting: metadata.deletionTimestamp !== undefined,
  });
}

/** A node has no two taints with the same key and effect. */
const textOf = (taint: Taint) => short(taintText(taint), TAINT_MAX);

function timesOf({ timeAdded, ...taint }: RawTaint): [string, number][] {
  const at = instant(timeAdded);
  return at === undefined ? [] : [[textOf(taint), at]];
}

/** In the order of the settings, so that a node reports one cause for as long as it drains. */
function trueAmong(given: readonly RawCondition[], wanted: readonly string[]): Node['drainConditions'] {
  const found = wanted.flatMap((type) => {
    const condition = given.find((one) => one.type === type && one.status === 'True');
    return condition === undefined ? [] : [[type, instant(condition.lastTransitionTime) ?? null] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** When the pod was bound; or, for a pod without a node, why the scheduler has found none. */
function scheduling(spec: RawPod['spec'], status: RawPod['status']): Pick<Pod, 'boundAt' | 'unschedulable'> {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled === undefined) return {};
  const changedAt = instant(scheduled.lastTransitionTime);
  if (spec?.nodeName) return scheduled.status === 'True' ? optional('boundAt', changedAt) : {};
  if (scheduled.status !== 'False') return {};
  const message = short(scheduled.message, SCHEDULER_MESSAGE_MAX).replace(/[^ -~]+/g, ' ');
  return { unschedulable: Object.freeze({ message, ...optional('since', changedAt) }) };
}

function reportedOf({ metadata, status }: RawPod, report: Report | undefined, mark: Mark | undefined) {
  if (report === undefined || isOfBefore(report, mark, metadata)) return undefined;
  return isReported(report, { annotations: metadata?.annotations, conditions: status?.conditions }) || undefined;
}

/**
 * Whether the report is older than the mark of the hook, by the managed fields: its operator made it for an earlier mark, and has
 * not taken it away. What it prepared then may have come back since.
 */
function isOfBefore(report: Report, mark: Mark | undefined, metadata: RawMetadata | undefined): boolean {
  if (!('annotation' in report) || mark?.by !== FIELD_MANAGER || mark.at === undefined) return false;
  const at = writtenAt({ metadata }, ['metadata', 'annotations', report.annotation]);
  return at !== undefined && at < mark.at - CLOCKS_DIFFER_MS;
}

function hasAnnotation({ annotations }: RawMetadata, key: string): true | undefined {
  return annotations?.[key] === undefined ? undefined : true;
}

/** Freezes a projection, which is at most two levels deep. */
function frozen<T extends object>(projection: T): T {
  for (const part of Object.values(projection)) Object.freeze(part);
  return Object.freeze(projection);
}

function kept(given: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const key of keys) {
    if (Object.hasOwn(given, key)) found[key] = short(given[key]);
  }
  return found;
}

function identity(metadata: RawMetadata): { name: string; uid: string; resourceVersion: string } {
  return { name: short(metadata.name), uid: short(metadata.uid), resourceVersion: short(metadata.resourceVersion) };
}

function controllerOf(metadata: RawMetadata): Owner | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner && { apiVersion: short(owner.apiVersion), kind: short(owner.kind), name: short(owner.name) };
}

/** The labels and annotations that tell the profile of the pod. */
function carriedBy(
  metadata: RawMetadata,
  { labelKeys, annotationKeys }: PodFields,
): Pick<PodMetadata, 'labels' | 'annotations'> {
  const labels = kept(metadata.labels ?? {}, labelKeys);
  if (annotationKeys.length === 0) return { labels };
  const annotations = kept(metadata.annotations ?? {}, annotationKeys);
  return Object.keys(annotations).length > 0 ? { labels, annotations } : { labels };
}

function ownersOf({ managedFields }: RawMetadata, mark: MarkOfProfile): readonly RawManagedFields[] | undefined {
  return managedFields?.filter(({ fieldsV1 }) => {
    const fields = fieldsV1 as { 'f:metadata'?: Record<string, Record<string, unknown> | undefined> } | undefined;
    return fields?.['f:metadata']?.[`f:${placeOf(mark)}`]?.[`f:${mark.key}`] !== undefined;
  });
}

/**
 * The mark of the pod's profile, or that of any if the pod has lost its labels since. The managed fields show who set the
 * annotation, and when, without a second annotation and across restarts.
 */
function markOf(metadata: RawMetadata, pod: MarkedPod, { profiles }: PodFields): Mark | undefined {
  const profile = profileOf(pod, { profiles });
  const mark = (profile ? [profile] : profiles)
    .flatMap((one) => one.mark ?? [])
    .find((one) => metadata[placeOf(one)]?.[one.key] !== undefined);
  if (mark === undefined) return undefined;
  const value = metadata[placeOf(mark)]?.[mark.key] ?? '';
  const owners = ownersOf(metadata, mark);
  // Somebody else who applies the same value owns it as well.
  const setter = owners?.find(({ manager }) => manager === FIELD_MANAGER) ?? owners?.[0];
  const by = setter?.manager === undefined ? undefined : short(setter.manager);
  const whose = whoseMark(by, owners?.length ?? 0);
  const isOfHook = by === FIELD_MANAGER && profile === undefined && lacksLabel(mark, pod);
  return {
    matches: isOfHook || matchesMark(mark, value, pod),
    ...optional('at', instant(setter?.time)),
    ...optional('by', by),
    ...whose,
  };
}

function whoseMark(by: string | undefined, owners: number): Pick<Mark, 'isForeign' | 'isShared'> {
  if (by === undefined) return {};
  if (by !== FIELD_MANAGER) return { isForeign: true };
  return owners > 1 ? { isShared: true } : {};
}

/** What its value was made of may be what the pod has lost. */
const lacksLabel = ({ value }: MarkOfProfile, { labels }: MarkedPod) =>
  labelsIn(value).some((label) => labels[label] === undefined);

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
